// SPDX-License-Identifier: Apache-2.0
// The kernel's list of tasks, and the cost of finding one by its pid.
import { describe, expect, test } from '@jest/globals';
import { silentLog } from '../../../src/core/log.js';
import type { FrameSource, Memory } from '../../../src/core/memory.js';
import { listFromBothEnds, listLinks } from '../../../src/kernel/containers/list.js';
import { Tasks } from '../../../src/kernel/tasks.js';
import { KVM_NEEDS } from '../../../src/kvm/needs.js';
import { selectVm } from '../../../src/kvm/select.js';
import { openHost } from '../../../src/opening/open-host.js';
import { SyntheticHost } from '../../build/host.js';
import { SLOT } from '../../build/selected.js';

describe('the task list', () => {
  const COUNT = 2 ** 20;
  const START = 0xffff900000000000n;
  const FRAME = 0x10000000;
  const BYTES = 256;

  /** A host with more tasks than fit in memory: their pages are computed when they are read. */
  function hostOf(count: number): SyntheticHost {
    const host = new SyntheticHost();
    const links = host.layouts.offset('task_struct', 'tasks');
    const [pid, tgid, signal] = (['pid', 'tgid', 'signal'] as const).map((name) =>
      host.layouts.offset('task_struct', name),
    ) as [number, number, number];
    const head = host.at('init_task') + BigInt(links);
    for (let page = 0; page * 4096 < (count + 1) * BYTES; page += 512)
      host.kernel.map(START + BigInt(page * 4096), FRAME + page, 1);
    host.memory.computed = (frame) => {
      const bytes = Buffer.alloc(4096);
      for (let i = 0; i < 4096 / BYTES; i++) {
        const index = (frame - FRAME) * (4096 / BYTES) + i;
        const next = index + 1 < count ? START + BigInt((index + 1) * BYTES + links) : head;
        bytes.writeBigUInt64LE(next, i * BYTES + links);
        bytes.writeBigUInt64LE(index > 0 ? START + BigInt((index - 1) * BYTES + links) : head, i * BYTES + links + 8);
        bytes.writeUInt32LE(index + 1, i * BYTES + pid);
        bytes.writeUInt32LE(index + 1, i * BYTES + tgid);
        bytes.writeBigUInt64LE(START, i * BYTES + signal);
      }
      return frame >= FRAME ? bytes : null;
    };
    host.u64(head, START + BigInt(links));
    host.u64(head + 8n, START + BigInt((count - 1) * BYTES + links));
    return host;
  }

  const countOf = (host: SyntheticHost): number => [...new Tasks(host.open()).leaders()].length;

  test('with a million tasks is walked to its end', () => {
    let count = 0;
    let strays = 0;
    for (const { pid } of new Tasks(hostOf(COUNT).open()).leaders()) if (pid !== ++count) strays++;
    expect({ count, strays }).toEqual({ count: COUNT, strays: 0 });
  });

  test.each([
    ['pid', 0],
    ['pid', 2 ** 22],
    ['tgid', 0],
    ['tgid', -1],
    ['signal', 0],
  ])('a task whose %s is %i is damage, and loses only itself', (member, value) => {
    const host = new SyntheticHost();
    const tasks = [1, 2, 3].map((pid) => host.task(pid, 'x', 0n, 0n));
    host.set('task_struct', tasks[1] as bigint, { [member]: value });
    const opened = new Tasks(host.open());
    expect(() => [...opened.leaders()]).toThrow(`${member} of a task can't be `);
    const lost: string[] = [];
    expect([...opened.leaders(({ message }) => lost.push(message))].map(({ pid }) => pid)).toEqual([1, 3]);
    expect(lost).toHaveLength(1);
  });

  test('a page of zeros is not a task without a name, but a task can have none', () => {
    const far = new SyntheticHost()
      .typesText()
      .replace('  char comm[16]\n', '  pad 8000\n  char comm[16]\n  pad 8000\n');
    const host = new SyntheticHost({ types: far });
    const [named, unnamed] = ['x', ''].map((comm, i) => host.task(i + 1, comm, 0n, 0n)) as [bigint, bigint];
    const page = ((unnamed + host.offset('task_struct', 'comm')) / 4096n) * 4096n;
    host.u64(page > unnamed ? page : unnamed + 1024n, 1n);
    const pidsOf = () => [...new Tasks(host.open()).leaders(() => undefined)].map(({ pid }) => pid);
    expect(pidsOf()).toEqual([1, 2]);
    host.write(((named + host.offset('task_struct', 'comm')) / 4096n) * 4096n, new Uint8Array(4096));
    expect(pidsOf()).toEqual([2]);
  });

  test('with more tasks than allowed is damage', () => {
    const host = new SyntheticHost();
    for (let pid = 1; pid <= 6; pid++) host.task(pid, 'x', 0n, 0n);
    const { memory } = host.open();
    const links = (most: number) => [
      ...listLinks(memory, host.at('init_task') + host.offset('task_struct', 'tasks'), most, 'task list'),
    ];
    expect(links(6)).toHaveLength(6);
    expect(() => links(5)).toThrow(/task list: the list at 0x[0-9a-f]+ has more than 5 members/);
  });

  test('with a loop ends', () => {
    const host = new SyntheticHost();
    const tasks = [1, 2, 3, 4, 5].map((pid) => host.task(pid, 'x', 0n, 0n));
    const link = (task: bigint | undefined) => (task ?? 0n) + host.offset('task_struct', 'tasks');
    // The head points back to the last one, so the first one seems to be being added.
    host.u64(link(tasks[4]), link(tasks[0]));
    expect(() => countOf(host)).toThrow(/has a loop at 0x/);
  });

  test('with a member that does not point back to the previous one is damage', () => {
    const host = new SyntheticHost();
    const tasks = [1, 2, 3, 4, 5].map((pid) => host.task(pid, 'x', 0n, 0n));
    const link = (task: bigint | undefined) => (task ?? 0n) + host.offset('task_struct', 'tasks');
    host.u64(link(tasks[3]) + 8n, 0n);
    expect(() => countOf(host)).toThrow(
      /has a member at 0x[0-9a-f]+ that does not point back to 0x[0-9a-f]+; the dump is damaged/,
    );
  });

  test('with a member that is being added or removed is complete', () => {
    const host = new SyntheticHost();
    const tasks = [1, 2, 3].map((pid) => host.task(pid, 'x', 0n, 0n));
    const link = (task: bigint | undefined) => (task ?? 0n) + host.offset('task_struct', 'tasks');
    host.u64(link(tasks[2]) + 8n, link(tasks[0]));
    expect(countOf(host)).toBe(3);
  });

  test('with a gap gives the tasks on both sides of it, and then reports what is missing', () => {
    const host = new SyntheticHost();
    const pids = [1, 2, 3, 4, 5];
    const made = pids.map((pid) => host.task(pid, 'x', 0n, 0n));
    const head = host.at('init_task') + host.offset('task_struct', 'tasks');
    const gap = (made[2] as bigint) + host.offset('task_struct', 'tasks');
    const { memory } = host.open();
    const holey: Memory = {
      read: (address, length) =>
        address === gap ? { address, reason: 'excluded', message: 'left out' } : memory.read(address, length),
    };
    const seen: bigint[] = [];
    expect(() => {
      for (const link of listFromBothEnds(holey, head, 10, 'task list')) seen.push(link);
    }).toThrow(/task list at 0x[0-9a-f]+: left out/);
    expect(seen).toHaveLength(4);
  });
});

describe('the cost of a pid', () => {
  /** Number of frames that are read until the VM is found. */
  const framesRead = (tasks: number): number => {
    const host = new SyntheticHost();
    for (let i = 0; i < tasks; i++) host.task(10 + i, 'sleeper', 0n, 0n);
    host.vmm(200_000, [SLOT]);
    const seen = new Set<number>();
    const image = host.image();
    const frames: FrameSource = {
      frame(frame) {
        seen.add(frame);
        return image.frame(frame);
      },
      why: (frame) => image.why(frame),
    };
    selectVm(openHost(image, frames, silentLog, KVM_NEEDS), '200000', null);
    return seen.size;
  };

  test('100,000 tasks cost no more than 1.2 times 100', () => {
    expect(framesRead(100_000)).toBeLessThanOrEqual(1.2 * framesRead(100));
  });
});
