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

describe('a pid in the IDR of the initial namespace', () => {
  const usual = new SyntheticHost().typesText();
  /** Types in which nodes have another layout, and the text of it. */
  const others = [
    ['with a member before the slots', usual.replace(/(xa_node \{[^}]*?)( +ptr slots)/, '$1  u64 other\n$2')],
    ['whose shift is elsewhere', usual.replace(/xa_node \{\n/, 'xa_node {\n  u64 other\n')],
  ] as const;

  test.each(others)('is found in nodes %s', (_, types) => {
    expect(types).not.toBe(usual);
    const host = new SyntheticHost({ types });
    // They are not in the task list, which is searched if the IDR can't be read.
    const made = [10, 70, 5000].map((pid) => host.task(pid, 'x', 0n, 0n, { list: false }));
    const tasks = new Tasks(host.open());
    expect([10, 70, 5000].map((pid) => tasks.byPid(pid)?.address)).toEqual(made);
    expect([11, 71, 4999, 300_000].map((pid) => tasks.byPid(pid))).toEqual([null, null, null, null]);
  });

  test('is found, or known to be missing, without the type of the nodes once nodes have led to a task', () => {
    const host = new SyntheticHost();
    const made = [10, 70].map((pid) => host.task(pid, 'x', 0n, 0n));
    const opened = host.open();
    const asked = new Set<string>();
    const { types } = opened;
    const tasks = new Tasks({
      ...opened,
      types: {
        source: types.source,
        sizeOf(name) {
          asked.add(name);
          return types.sizeOf(name);
        },
        member(name, path) {
          asked.add(name);
          return types.member(name, path);
        },
        enumerators: (name) => types.enumerators(name),
      },
    });
    expect([70, 10, 11, 4999].map((pid) => tasks.byPid(pid)?.address ?? null)).toEqual([made[1], made[0], null, null]);
    expect(asked.has('xa_node')).toBe(false);
    expect(new Tasks(opened).byPid(4999)).toBeNull();
  });

  test('that damage hides is not known to be missing, also if nodes have led to another task', () => {
    const host = new SyntheticHost();
    host.task(10, 'x', 0n, 0n);
    host.task(70, 'x', 0n, 0n, { list: false });
    const warnings: string[] = [];
    const opened = { ...host.open(), log: { ...silentLog, warn: (text: string) => void warnings.push(text) } };
    const tasks = new Tasks(opened);
    expect(tasks.byPid(10)).not.toBeNull();
    // A node whose shift is not the one below that of its parent.
    const root = host.at('init_pid_ns') + host.offset('pid_namespace', 'idr.idr_rt.xa_head');
    const top = opened.memory.read(root, 8);
    const node = ('reason' in top ? 0n : top.u64(0)) - 2n;
    const child = opened.memory.read(node + host.offset('xa_node', 'slots') + 8n, 8);
    host.write(('reason' in child ? 0n : child.u64(0)) - 2n + host.offset('xa_node', 'shift'), Uint8Array.of(12));
    expect(tasks.byPid(70)).toBeNull();
    expect(warnings).toEqual([expect.stringMatching(/^pid 70: .*; searching the task list instead$/)]);
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
