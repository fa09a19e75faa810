// SPDX-License-Identifier: Apache-2.0
// Which process -g selects.
import { describe, expect, test } from '@jest/globals';
import { SyntheticHost } from '../../build/host.js';
import { SLOT, select } from '../../build/selected.js';

describe('-g', () => {
  test('a pid', () => {
    const host = new SyntheticHost();
    const { vm, mm } = host.vmm(191579, [SLOT]);
    expect(select(host, '191579')).toEqual({ pid: 191579, fd: 9, kvm: vm, mm, said: [] });
  });

  test('the largest possible pid', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(2 ** 22 - 1, [SLOT]);
    expect(select(host, String(2 ** 22 - 1))).toMatchObject({ pid: 4194303, kvm: vm });
    expect(() => select(host, String(2 ** 22))).toThrow(/no process or task_struct 4194304/);
  });

  test('a hexadecimal pid, if the decimal one does not exist', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(0x123, [SLOT]);
    expect(select(host, '0x123')).toMatchObject({ pid: 0x123, kvm: vm, said: [] });
    const { kvm, said } = select(host, '123');
    expect(kvm).toBe(vm);
    expect(said.join()).toMatch(/no process has pid 123 in decimal; it is read as hexadecimal: pid 291/);
  });

  test('decimal takes precedence, and a warning names the hexadecimal reading', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(123, [SLOT]);
    host.vmm(0x123, [SLOT], 'other');
    const { kvm, said } = select(host, '123');
    expect(kvm).toBe(vm);
    expect(said.join()).toMatch(/read as decimal; as hexadecimal it would be pid 291 \(other\)/);
  });

  test('a number is a pid, and nothing else', () => {
    const host = new SyntheticHost();
    host.vmm(0x123, [SLOT]);
    const { vm, mm } = host.vmm(456, [SLOT]);
    expect(select(host, 456)).toEqual({ pid: 456, fd: 9, kvm: vm, mm, said: [] });
    expect(() => select(host, 123)).toThrow(/^no process has pid 123; VMs: 291 \(/);
  });

  test('a number is the pid of a creator that has exited, too', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(456, [SLOT]);
    host.set('kvm', vm, { userspace_pid: 123 });
    expect(select(host, 123)).toMatchObject({ pid: 456, kvm: vm });
    expect(select(host, '123')).toMatchObject({ pid: 456, kvm: vm });
  });

  test('the address of a task_struct, with and without 0x', () => {
    const host = new SyntheticHost();
    const { vm, task } = host.vmm(4711, [SLOT]);
    expect(select(host, task.toString(16))).toMatchObject({ pid: 4711, kvm: vm });
    expect(select(host, `0x${task.toString(16)}`)).toMatchObject({ pid: 4711, kvm: vm });
  });

  test('an address that is not a task_struct is refused, and the VMs are listed', () => {
    const host = new SyntheticHost();
    const { task } = host.vmm(4711, [SLOT]);
    expect(() => select(host, (task + 8n).toString(16))).toThrow(/no process or task_struct .*; VMs: 4711/);
    expect(() => select(host, 'ffff888fffff0000')).toThrow(/no process or task_struct/);
  });

  test('a thread selects its process', () => {
    const host = new SyntheticHost();
    const { vm, task, mm } = host.vmm(4711, [SLOT]);
    host.thread(4712, task, 'CPU 0/KVM', mm, host.files({ 9: host.file(host.vmFops, vm, 'kvm-vm') }));
    expect(select(host, '4712')).toMatchObject({ pid: 4711, kvm: vm });
  });

  test('if the leader has exited, the files are found through another thread', () => {
    const host = new SyntheticHost();
    const { vm, mm } = host.vmm(1, [SLOT]);
    const leader = host.task(4711, 'gone', 0n, 0n);
    host.thread(4712, leader, 'alive', mm, host.files({ 5: host.file(host.vmFops, vm, 'kvm-vm') }));
    expect(select(host, '4711')).toMatchObject({ pid: 4711, fd: 5, kvm: vm });
  });

  test('the VM of such a process is listed', () => {
    const host = new SyntheticHost();
    const { vm, mm } = host.vmm(1, [SLOT]);
    const leader = host.task(4711, 'gone', 0n, 0n);
    host.thread(4712, leader, 'alive', mm, host.files({ 5: host.file(host.vmFops, vm, 'kvm-vm') }));
    expect(() => select(host, '99')).toThrow(/VMs: 1 \(.*\), 4711 \(gone, fd 5\)/);
  });

  test('an incomplete list says what was found, and why it is incomplete', () => {
    const host = new SyntheticHost();
    host.vmm(4711, [SLOT]);
    const last = host.task(4712, 'last', 0n, 0n);
    host.u64(last + host.offset('task_struct', 'tasks'), 0xffff888fff000000n);
    expect(() => select(host, '99')).toThrow(/99 in the dump; VMs: 4711 .*; not all processes can be read: /);
  });

  test('with a damaged IDR the task list is used, and a warning says so', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(4711, [SLOT]);
    const head = host.at('init_pid_ns') + host.offset('pid_namespace', 'idr.idr_rt.xa_head');
    host.u64(head, 0xffff888fff000002n);
    const { kvm, said } = select(host, '4711');
    expect(kvm).toBe(vm);
    expect(said.join()).toMatch(/searching the task list instead/);
  });

  test.each(['', 'xyz', '12g', '-5', '0x', '1'.repeat(17)])(
    '%p is neither a pid nor an address, so it is a name',
    (text) => {
      const host = new SyntheticHost();
      host.vmm(4711, [SLOT]);
      expect(() => select(host, text)).toThrow(/is not a pid/);
    },
  );

  test('names of processes are not compared', () => {
    const host = new SyntheticHost();
    const names = ['crosvm', 'cloud-hypervisor', 'firecracker', '', '\u001b[31mred'];
    const vms = names.map((name, i) => host.vmm(1000 + i, [SLOT], name).vm);
    names.forEach((_, i) => {
      expect(select(host, String(1000 + i)).kvm).toBe(vms[i]);
    });
  });
});
