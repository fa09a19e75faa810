// SPDX-License-Identifier: Apache-2.0
// Which memory a pid stands for, and why some have none.
import { describe, expect, test } from '@jest/globals';
import { findProcess } from '../../../src/kernel/process.js';
import { SyntheticHost } from '../../build/host.js';

const PF_KTHREAD = 0x200000;
const EXIT_ZOMBIE = 0x20;

function hostOf() {
  const host = new SyntheticHost();
  const { address: mm } = host.mm();
  const process = host.task(200, 'server', mm, 0n);
  host.thread(201, process, 'worker', mm, 0n);
  // Its leader has exited, but not all of its threads.
  const headless = host.task(300, 'headless', 0n, 0n);
  host.set('task_struct', headless, { exit_state: EXIT_ZOMBIE });
  host.thread(301, headless, 'rest', mm, 0n);
  host.set('task_struct', host.task(400, 'kthreadd', 0n, 0n), { flags: PF_KTHREAD });
  host.set('task_struct', host.task(500, 'dead', 0n, 0n), { exit_state: EXIT_ZOMBIE });
  host.task(600, 'exiting', 0n, 0n);
  return { host, mm, process };
}

describe('a process', () => {
  test.each([
    ['200', 200],
    ['201', 201],
    ['300', 300],
    ['301', 301],
    ['0xc8', 200],
  ])('%s has memory', (text, pid) => {
    const { host, mm } = hostOf();
    const { task, mm: found } = findProcess(host.open(), text);
    expect({ pid: task.pid, mm: found.address }).toEqual({ pid, mm });
  });

  test('is also found by the address of its task_struct', () => {
    const { host, process } = hostOf();
    expect(findProcess(host.open(), process.toString(16)).task.pid).toBe(200);
  });

  test.each([
    ['400', 'pid 400 (kthreadd) is a kernel thread: it has no memory of its own'],
    ['500', 'pid 500 (dead) has exited (a zombie): its memory was freed'],
    ['600', 'pid 600 (exiting) has no memory: it is exiting, or was just made'],
    ['700', "process '700' is not the pid or the address of a task_struct in the dump"],
    ['beta', "process 'beta' is not a pid or the address of a task_struct"],
  ])('%s: %s', (text, message) => {
    const { host } = hostOf();
    expect(() => findProcess(host.open(), text)).toThrow(message);
  });
});
