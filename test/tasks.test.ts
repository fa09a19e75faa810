// SPDX-License-Identifier: Apache-2.0
// Which process and which VM -g and --vm mean.
import { describe, expect, test } from '@jest/globals';
import { selectVm } from '../src/commands/select.js';
import { silentLog } from '../src/core/log.js';
import type { FrameSource, Memory } from '../src/core/memory.js';
import { listFromBothEnds, listLinks } from '../src/kernel/containers/list.js';
import { Tasks } from '../src/kernel/tasks.js';
import { KVM_NEEDS } from '../src/kvm/needs.js';
import { openHost } from '../src/opening/open-host.js';
import { SyntheticHost } from './build/host.js';

const SLOT = { id: 0, gpa: 0n, pages: 16n, hva: 0x7f0000000000n };

/** What -g and --vm find, and what was said about it. */
function select(host: SyntheticHost, process: string, choice: string | null = null) {
  const said: string[] = [];
  const opened = host.open({ ...silentLog, warn: (text) => said.push(text) });
  const { pid, fd, vm } = selectVm(opened, process, choice);
  return { pid, fd, kvm: vm.address, mm: vm.mm.address, said };
}

describe('-g', () => {
  test('a pid', () => {
    const host = new SyntheticHost();
    const { vm, mm } = host.vmm(191579, [SLOT]);
    expect(select(host, '191579')).toEqual({ pid: 191579, fd: 9, kvm: vm, mm, said: [] });
  });

  test('the largest pid there can be', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(2 ** 22 - 1, [SLOT]);
    expect(select(host, String(2 ** 22 - 1))).toMatchObject({ pid: 4194303, kvm: vm });
    expect(() => select(host, String(2 ** 22))).toThrow(/no process or task_struct 4194304/);
  });

  test('a hexadecimal pid, where the decimal one is nobody', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(0x123, [SLOT]);
    expect(select(host, '0x123')).toMatchObject({ pid: 0x123, kvm: vm, said: [] });
    const { kvm, said } = select(host, '123');
    expect(kvm).toBe(vm);
    expect(said.join()).toMatch(/no process has pid 123; taken as hexadecimal: pid 291/);
  });

  test('decimal wins, and it is said that the hexadecimal reading is another', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(123, [SLOT]);
    host.vmm(0x123, [SLOT], 'other');
    const { kvm, said } = select(host, '123');
    expect(kvm).toBe(vm);
    expect(said.join()).toMatch(/taken as decimal; read as hexadecimal it is pid 291 \(other\)/);
  });

  test('the address of a task_struct, with and without 0x', () => {
    const host = new SyntheticHost();
    const { vm, task } = host.vmm(4711, [SLOT]);
    expect(select(host, task.toString(16))).toMatchObject({ pid: 4711, kvm: vm });
    expect(select(host, `0x${task.toString(16)}`)).toMatchObject({ pid: 4711, kvm: vm });
  });

  test('an address that is no task_struct is refused, with the processes that hold VMs', () => {
    const host = new SyntheticHost();
    const { task } = host.vmm(4711, [SLOT]);
    expect(() => select(host, (task + 8n).toString(16))).toThrow(/no process or task_struct .*holds? VMs: 4711/);
    expect(() => select(host, 'ffff888fffff0000')).toThrow(/no process or task_struct/);
  });

  test('a thread stands for its process', () => {
    const host = new SyntheticHost();
    const { vm, task, mm } = host.vmm(4711, [SLOT]);
    host.thread(4712, task, 'CPU 0/KVM', mm, host.files({ 9: host.file(host.vmFops, vm, 'kvm-vm') }));
    expect(select(host, '4712')).toMatchObject({ pid: 4711, kvm: vm });
  });

  test('a leader that has exited has its files in another thread', () => {
    const host = new SyntheticHost();
    const { vm, mm } = host.vmm(1, [SLOT]);
    const leader = host.task(4711, 'gone', 0n, 0n);
    host.thread(4712, leader, 'alive', mm, host.files({ 5: host.file(host.vmFops, vm, 'kvm-vm') }));
    expect(select(host, '4711')).toMatchObject({ pid: 4711, fd: 5, kvm: vm });
  });

  test('nor is such a process forgotten where those that hold VMs are listed', () => {
    const host = new SyntheticHost();
    const { vm, mm } = host.vmm(1, [SLOT]);
    const leader = host.task(4711, 'gone', 0n, 0n);
    host.thread(4712, leader, 'alive', mm, host.files({ 5: host.file(host.vmFops, vm, 'kvm-vm') }));
    expect(() => select(host, '99')).toThrow(/processes that hold VMs: 1 \(.*\), 4711 \(gone, fd 5\)/);
  });

  test('a list that breaks off tells what was found, and why there is no more', () => {
    const host = new SyntheticHost();
    host.vmm(4711, [SLOT]);
    const last = host.task(4712, 'last', 0n, 0n);
    host.u64(last + host.offset('task_struct', 'tasks'), 0xffff888fff000000n);
    expect(() => select(host, '99')).toThrow(
      /99 in the dump; processes that hold VMs: 4711 .*; not all could be looked at: /,
    );
  });

  test('a broken IDR: the task list serves, and it is said', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(4711, [SLOT]);
    const head = host.at('init_pid_ns') + host.offset('pid_namespace', 'idr.idr_rt.xa_head');
    host.u64(head, 0xffff888fff000002n);
    const { kvm, said } = select(host, '4711');
    expect(kvm).toBe(vm);
    expect(said.join()).toMatch(/looking through the task list/);
  });

  test.each(['', 'xyz', '12g', '-5', '0x', '1'.repeat(17)])('%p is refused before anything is looked for', (text) => {
    const host = new SyntheticHost();
    host.vmm(4711, [SLOT]);
    expect(() => select(host, text)).toThrow(/is no pid and no address/);
  });

  test('no name of a process is looked at', () => {
    const host = new SyntheticHost();
    const names = ['crosvm', 'cloud-hypervisor', 'firecracker', '', '\u001b[31mred'];
    const vms = names.map((name, i) => host.vmm(1000 + i, [SLOT], name).vm);
    names.forEach((_, i) => {
      expect(select(host, String(1000 + i)).kvm).toBe(vms[i]);
    });
  });
});

describe('the task list', () => {
  const COUNT = 2 ** 20;
  const START = 0xffff900000000000n;
  const FRAME = 0x10000000;
  const BYTES = 256;

  /** A host with more tasks than fit in memory: each page of them is made when it is read. */
  function hostOf(count: number): SyntheticHost {
    const host = new SyntheticHost();
    const links = host.layouts.offset('task_struct', 'tasks');
    const pid = host.layouts.offset('task_struct', 'pid');
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
      }
      return frame >= FRAME ? bytes : null;
    };
    host.u64(head, START + BigInt(links));
    host.u64(head + 8n, START + BigInt((count - 1) * BYTES + links));
    return host;
  }

  const countOf = (host: SyntheticHost): number => [...new Tasks(host.open()).leaders()].length;

  test('of a million tasks is walked to its end', () => {
    let count = 0;
    let strays = 0;
    for (const { pid } of new Tasks(hostOf(COUNT).open()).leaders()) if (pid !== ++count) strays++;
    expect({ count, strays }).toEqual({ count: COUNT, strays: 0 });
  });

  test('of more tasks than allowed is damage', () => {
    const host = new SyntheticHost();
    for (let pid = 1; pid <= 6; pid++) host.task(pid, 'x', 0n, 0n);
    const { memory } = host.open();
    const links = (most: number) => [
      ...listLinks(memory, host.at('init_task') + host.offset('task_struct', 'tasks'), most, 'task list'),
    ];
    expect(links(6)).toHaveLength(6);
    expect(() => links(5)).toThrow(/task list: the list at 0x[0-9a-f]+ has more than 5 members/);
  });

  test('that runs in a circle ends', () => {
    const host = new SyntheticHost();
    const tasks = [1, 2, 3, 4, 5].map((pid) => host.task(pid, 'x', 0n, 0n));
    const link = (task: bigint | undefined) => (task ?? 0n) + host.offset('task_struct', 'tasks');
    // The head points back at the last one, so the first one seems to be on its way.
    host.u64(link(tasks[4]), link(tasks[0]));
    expect(() => countOf(host)).toThrow(/runs in a circle at 0x/);
  });

  test('of which a member does not point back at the one before is damage', () => {
    const host = new SyntheticHost();
    const tasks = [1, 2, 3, 4, 5].map((pid) => host.task(pid, 'x', 0n, 0n));
    const link = (task: bigint | undefined) => (task ?? 0n) + host.offset('task_struct', 'tasks');
    host.u64(link(tasks[3]) + 8n, 0n);
    expect(() => countOf(host)).toThrow(
      /has a member at 0x[0-9a-f]+ that does not point back at 0x[0-9a-f]+; the dump is damaged/,
    );
  });

  test('of which a member is being put in or taken out is whole', () => {
    const host = new SyntheticHost();
    const tasks = [1, 2, 3].map((pid) => host.task(pid, 'x', 0n, 0n));
    const link = (task: bigint | undefined) => (task ?? 0n) + host.offset('task_struct', 'tasks');
    host.u64(link(tasks[2]) + 8n, link(tasks[0]));
    expect(countOf(host)).toBe(3);
  });

  test('with a gap gives those on both sides of it, and then says what is missing', () => {
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
  /** Frames that are read until the VM is found. */
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

describe('the VM', () => {
  const twoVms = () => {
    const host = new SyntheticHost();
    const { address: mm } = host.mm();
    const [one, two] = [host.vm(mm, [SLOT]), host.vm(mm, [SLOT, { ...SLOT, id: 1, gpa: 0x100000n }], [SLOT])];
    host.task(
      150,
      'two-vms',
      mm,
      host.files({ 4: host.file(host.vmFops, one, 'kvm-vm'), 6: host.file(host.vmFops, two, 'kvm-vm') }),
    );
    return { host, one, two };
  };

  test('of several none is chosen without --vm, and all are listed with descriptor, address and slots', () => {
    const { host, one, two } = twoVms();
    const text = new RegExp(
      `several VMs.*\\n.*fd 4 .*0x${one.toString(16)}.*slots 1 .*\\n.*fd 6 .*0x${two.toString(16)}.*slots 2 \\+ 1 in address space 1`,
    );
    expect(() => select(host, '150')).toThrow(text);
  });

  test('--vm takes a descriptor or an address of struct kvm', () => {
    const { host, one, two } = twoVms();
    expect(select(host, '150', '4').kvm).toBe(one);
    expect(select(host, '150', '6').kvm).toBe(two);
    expect(select(host, '150', two.toString(16)).kvm).toBe(two);
    expect(select(host, '150', `0x${one.toString(16)}`)).toMatchObject({ kvm: one, fd: 4 });
  });

  describe('where not all can be read', () => {
    /** Two VMs in vm_list whose process's descriptors are lost; behind `gap` the list is too. */
    const lost = (gap: boolean) => {
      const { host, one, two } = twoVms();
      const list = (vm: bigint) => vm + host.offset('kvm', 'vm_list');
      if (gap) {
        host.u64(list(one), 0xffff888ffff00000n);
        host.u64(host.vmList + 8n, 0xffff888ffff00000n);
      }
      const task = host.pointer(host.at('init_task') + host.offset('task_struct', 'tasks'));
      host.set('task_struct', task - host.offset('task_struct', 'tasks'), { files: 0xffff888ffff00000n });
      return { host, one, two };
    };

    test('those of its memory are listed; the one that was found is not taken for the only one', () => {
      expect(() => select(lost(false).host, '150')).toThrow(/holds several VMs:\n/);
      const { host, one } = lost(true);
      expect(() => select(host, '150')).toThrow(
        new RegExp(`may hold VMs that can't be read:\\n.*fd \\?.*0x${one.toString(16)}`),
      );
      expect(select(host, '150', one.toString(16))).toMatchObject({ kvm: one, fd: null });
    });

    test('a file whose name is lost, where names are all there is, leaves it open', () => {
      const host = new SyntheticHost({ noVmSymbols: true });
      const { address: mm } = host.mm();
      const one = host.vm(mm, [SLOT]);
      const nameless = host.file(host.vmFops, one, 'kvm-vm');
      host.set('file', nameless, { 'f_path.dentry': 0xffff888ffff00000n });
      host.task(150, 'qemu', mm, host.files({ 4: nameless }));
      expect(() => select(host, '150')).toThrow(/whether descriptor 4 is a VM is not known: its name can't be read/);
      const named = host.file(host.vmFops, one, 'kvm-vm');
      host.task(151, 'qemu', mm, host.files({ 4: nameless, 5: named }));
      expect(() => select(host, '151')).toThrow(/may hold VMs that can't be read:\n/);
      expect(select(host, '151', '5')).toMatchObject({ kvm: one, fd: 5 });
    });
  });

  test.each(['5', '4x', 'ffff888000000000', ''])('--vm %p is none of them', (choice) => {
    expect(() => select(twoVms().host, '150', choice)).toThrow(/holds no VM .*\n.*fd 4/);
  });

  test('held twice by one process it is still one', () => {
    const host = new SyntheticHost();
    const { address: mm } = host.mm();
    const vm = host.vm(mm, [SLOT]);
    host.task(
      150,
      'twice',
      mm,
      host.files({ 4: host.file(host.vmFops, vm, 'kvm-vm'), 6: host.file(host.vmFops, vm, 'kvm-vm') }),
    );
    expect(select(host, '150')).toMatchObject({ fd: 4, kvm: vm });
  });

  test("held by a stranger it is answered through its creator's memory", () => {
    const host = new SyntheticHost();
    const { address: creators } = host.mm(0);
    const { address: holders } = host.mm();
    const vm = host.vm(creators, [SLOT]);
    host.task(150, 'holder', holders, host.files({ 3: host.file(host.vmFops, vm, 'kvm-vm') }));
    const { mm, said } = select(host, '150');
    expect(mm).toBe(creators);
    expect(said.join()).toMatch(/its creator's, not that of pid 150/);
  });

  test('a process without one is refused, and those that have some are named', () => {
    const host = new SyntheticHost();
    host.vmm(4711, [SLOT], 'qemu\nevil');
    host.task(150, 'none', host.mm().address, host.files({ 0: host.file(0xffffffff81234000n, 0n, 'tty') }));
    expect(() => select(host, '150')).toThrow(
      /pid 150 \(none\) holds no VM; processes that hold VMs: 4711 \(qemu\\x0aevil, fd 9\)/,
    );
  });

  test('the two witnesses, f_op and name, disagree: f_op decides, and it is said', () => {
    const host = new SyntheticHost();
    const { address: mm } = host.mm();
    const vm = host.vm(mm, [SLOT]);
    const files = { 3: host.file(0xffffffff81234000n, 0n, 'kvm-vm'), 7: host.file(host.vmFops, vm, 'renamed') };
    host.task(150, 'odd', mm, host.files(files));
    const { fd, said } = select(host, '150');
    expect(fd).toBe(7);
    expect(said.join('\n')).toMatch(/descriptor 3 is named kvm-vm, but its f_op is not kvm_vm_fops/);
    expect(said.join('\n')).toMatch(/descriptor 7 has kvm_vm_fops, but its file is named otherwise/);
  });

  test.each([2 ** 20, 2 ** 21])('is found at the end of a descriptor table of %d', (size) => {
    const host = new SyntheticHost();
    const { address: mm } = host.mm();
    const vm = host.vm(mm, [SLOT]);
    host.task(150, 'many', mm, host.files({ [size - 1]: host.file(host.vmFops, vm, 'kvm-vm') }, size));
    expect(select(host, '150')).toMatchObject({ fd: size - 1, kvm: vm });
  });
});
