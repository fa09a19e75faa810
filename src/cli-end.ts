// SPDX-License-Identifier: Apache-2.0
import { setImmediate, setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { othersWait } from './io/threads.js';

/** Turns of the event loop without a break; then one a millisecond, as long as this. */
const QUICK_TURNS = 8;
const LONGEST_MS = 5000;

/**
 * Ends the process with process.exitCode. Node.js waits for V8's compiler threads then, without looking after them; one
 * that needs a garbage collection just then waits for the main thread, and neither goes on (nodejs/node#54918). So no
 * compilation is begun any more, the event loop, which serves such threads, turns until none of them runs, and then it is
 * process.exit() that ends the process: it waits for threads that run, and for nothing that has yet to begin.
 */
export async function exitAtRest(): Promise<never> {
  setFlagsFromString('--no-opt');
  const start = performance.now();
  let resting = 0;
  for (let turn = 0; resting < 2 && performance.now() - start < LONGEST_MS; turn++) {
    // A thread that waits for the main thread looks like one that has nothing to do, until it was served.
    await (turn < QUICK_TURNS ? setImmediate() : setTimeout(1));
    resting = othersWait() === false ? 0 : resting + 1;
  }
  process.exit();
}
