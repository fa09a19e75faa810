// SPDX-License-Identifier: Apache-2.0
import { milliseconds } from '../io/clock.js';
import { othersWait } from '../io/threads.js';
import { setFlag } from './flags.js';

/** The first turns of the event loop follow each other at once, later ones at intervals of 1 ms, up to a limit. */
const QUICK_TURNS = 8;
const LONGEST_MS = 5000;

/** The threads are at rest if this number of checks in a row finds none running. */
const RESTS = 3;

/**
 * Processor time in µs up to which new compilations are not stopped: to set the flag loads node:v8, which takes a fortieth of a run that
 * answers for one address. Few functions have run often by then, so none of them is likely to be compiled in the moments between the
 * last check and the end.
 */
const SHORT = 1_000_000;

/**
 * Waits until V8's compiler threads are idle; must be awaited before the process ends. At exit Node.js joins these threads
 * without serving them, so one that needs a garbage collection at that moment waits for the main thread: a deadlock
 * (nodejs/node#54918; process.exit() does not avoid it). This function stops new compilations, unless the run was short, and runs the
 * event loop, which serves the threads, until none is running.
 */
export async function threadsAtRest(): Promise<void> {
  if (process.cpuUsage().user > SHORT) setFlag('--no-opt');
  const start = milliseconds();
  let rests = 0;
  for (let turn = 0; rests < RESTS && milliseconds() - start < LONGEST_MS; turn++) {
    // Checks that are repeated so often can become such functions themselves.
    if (turn === QUICK_TURNS) setFlag('--no-opt');
    // A thread that waits for the main thread looks idle until the event loop has served it.
    await new Promise<void>((resolve) => {
      if (turn < QUICK_TURNS) setImmediate(resolve);
      else setTimeout(resolve, 1);
    });
    rests = othersWait() === false ? 0 : rests + 1;
  }
}
