// SPDX-License-Identifier: Apache-2.0
// The state of this process's threads, as the system reports it.
import { Worker } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { othersWait } from '../../../src/io/threads.js';

test('a running thread is detected, and so is a waiting one', async () => {
  const thread = new Worker(
    "const { parentPort } = require('node:worker_threads'); parentPort.postMessage(0); for (;;);",
    { eval: true },
  );
  await new Promise((resolve) => thread.once('message', resolve));
  expect(othersWait()).toBe(false);
  await thread.terminate();
  const resting = async (): Promise<boolean> => {
    for (let i = 0; i < 1000; i++) {
      if (othersWait() !== false) return true;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return false;
  };
  expect(await resting()).toBe(true);
});
