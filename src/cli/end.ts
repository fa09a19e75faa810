// SPDX-License-Identifier: Apache-2.0
import { setImmediate, setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { othersWait } from '../io/threads.js';

/** Turns of the event loop without a break; then one a millisecond, as long as this. */
const QUICK_TURNS = 8;
const LONGEST_MS = 5000;

/** Looks in a row at which no other thread may run. */
const RESTS = 3;

/**
 * To be awaited before the process ends. At its end Node.js waits for V8's compiler threads without looking after
 * them; one that needs a garbage collection at that moment waits for the main thread, and neither goes on (nodejs/node#54918;
 * process.exit() joins the threads and releases none of them). So no compilation is begun any more, and the event loop,
 * which serves such threads, turns until none of them runs.
 */
export async function threadsAtRest(): Promise<void> {
  setFlagsFromString('--no-opt');
  const start = performance.now();
  let rests = 0;
  for (let turn = 0; rests < RESTS && performance.now() - start < LONGEST_MS; turn++) {
    // A thread that waits for the main thread looks like one that has nothing to do, until it was served.
    await (turn < QUICK_TURNS ? setImmediate() : setTimeout(1));
    rests = othersWait() === false ? 0 : rests + 1;
  }
}
