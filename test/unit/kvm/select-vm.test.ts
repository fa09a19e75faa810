// SPDX-License-Identifier: Apache-2.0
// Which VM of a process is used, and what --vm selects.
import { describe, expect, test } from '@jest/globals';
import { Files } from '../../../src/kernel/files.js';
import { SyntheticHost } from '../../build/host.js';
import { SLOT, select } from '../../build/selected.js';

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

  test('of several none is used without --vm; all are listed with descriptor, address and slots', () => {
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

  describe('if not all can be read', () => {
    /** Two VMs in vm_list, with the descriptors of their process lost; with `gap` also the end of the list. */
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

    test('those with its memory are listed; if only one was found it is not considered the only one', () => {
      expect(() => select(lost(false).host, '150')).toThrow(/holds several VMs:\n/);
      const { host, one } = lost(true);
      expect(() => select(host, '150')).toThrow(
        new RegExp(`may hold VMs that can't be read:\\n.*fd \\?.*0x${one.toString(16)}`),
      );
      expect(select(host, '150', one.toString(16))).toMatchObject({ kvm: one, fd: null });
    });

    test('a file whose name is lost may be a VM, if files are only known by name', () => {
      const host = new SyntheticHost({ noVmSymbols: true });
      const { address: mm } = host.mm();
      const one = host.vm(mm, [SLOT]);
      const nameless = host.file(host.vmFops, one, 'kvm-vm');
      host.set('file', nameless, { 'f_path.dentry': 0xffff888ffff00000n });
      host.task(150, 'qemu', mm, host.files({ 4: nameless }));
      expect(() => select(host, '150')).toThrow(/it is not known whether descriptor 4 is a VM: its name can't be read/);
      const named = host.file(host.vmFops, one, 'kvm-vm');
      host.task(151, 'qemu', mm, host.files({ 4: nameless, 5: named }));
      expect(() => select(host, '151')).toThrow(/may hold VMs that can't be read:\n/);
      expect(select(host, '151', '5')).toMatchObject({ kvm: one, fd: 5 });
    });
  });

  test.each(['5', '4x', 'ffff888000000000', ''])('--vm %p matches none of them', (choice) => {
    expect(() => select(twoVms().host, '150', choice)).toThrow(/does not hold VM .*\n.*fd 4/);
  });

  test('held twice by one process it is listed once', () => {
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

  test("held by another process it is translated with its creator's page tables", () => {
    const host = new SyntheticHost();
    const { address: creators } = host.mm(0);
    const { address: holders } = host.mm();
    const vm = host.vm(creators, [SLOT]);
    host.task(150, 'holder', holders, host.files({ 3: host.file(host.vmFops, vm, 'kvm-vm') }));
    const { mm, said } = select(host, '150');
    expect(mm).toBe(creators);
    expect(said.join()).toMatch(/not in that of pid 150/);
  });

  test('a process without a VM is refused, and those with VMs are listed', () => {
    const host = new SyntheticHost();
    host.vmm(4711, [SLOT], 'qemu\nevil');
    host.task(150, 'none', host.mm().address, host.files({ 0: host.file(0xffffffff81234000n, 0n, 'tty') }));
    expect(() => select(host, '150')).toThrow(/pid 150 \(none\) does not hold a VM; VMs: 4711 \(qemu\\x0aevil, fd 9\)/);
  });

  test('if only the name of a file is that of a VM, it is not known what the process holds', () => {
    const host = new SyntheticHost();
    const { address: mm } = host.mm();
    const vm = host.vm(mm, [SLOT]);
    host.vm(host.mm().address, [SLOT]);
    const files = { 3: host.file(0xffffffff81234000n, 0n, 'kvm-vm'), 7: host.file(host.vmFops, vm, 'renamed') };
    host.task(150, 'odd', mm, host.files(files));
    expect(() => select(host, '150')).toThrow(/pid 150 \(odd\) may hold VMs that can't be read:\n {2}fd 7 /);
    const { fd, said } = select(host, '150', '7');
    expect(fd).toBe(7);
    expect(said).toEqual([
      'descriptor 7 is taken for a VM: its f_op is kvm_vm_fops, although its name is not kvm-vm',
      'pid 150: it is not known whether descriptor 3 is a VM: its name is kvm-vm, but its f_op is not kvm_vm_fops',
    ]);
  });

  test.each([
    ['nothing', 0n],
    ['other memory', 0xffffffff81000000n],
  ])('a file of a VM that leads to %s: it is not known what the process holds', (_name, address) => {
    const host = new SyntheticHost();
    const { address: mm } = host.mm();
    const vm = host.vm(mm, [SLOT]);
    host.vm(host.mm().address, [SLOT]);
    const files = { 3: host.file(host.vmFops, address, 'kvm-vm'), 7: host.file(host.vmFops, vm, 'kvm-vm') };
    host.task(150, 'odd', mm, host.files(files));
    expect(() => select(host, '150')).toThrow(/pid 150 \(odd\) may hold VMs that can't be read:\n {2}fd 7 /);
    expect(select(host, '150', '7').said.join()).toMatch(/descriptor 3 is a VM, but 0x[0-9a-f]+ is not a struct kvm/);
  });

  describe.each([
    ['lost', { address: 0xffff888ffff00000n }],
    ['of zeros', { values: { f_op: 0n, private_data: 0n, 'f_path.dentry': 0n } }],
    ['without a dentry', { values: { 'f_path.dentry': 0n } }],
  ])('with one struct file %s', (_name, { address, values }: { address?: bigint; values?: Record<string, bigint> }) => {
    /** A process with two VMs, the file of one of which is damaged; and with `others`, a VM of another process. */
    function damaged({ others }: { others: boolean }) {
      const host = new SyntheticHost();
      const { address: mm } = host.mm();
      const [one, two] = [host.vm(mm, [SLOT]), host.vm(mm, [SLOT])];
      const file = host.file(host.vmFops, one, 'kvm-vm');
      if (values !== undefined) host.set('file', file, values);
      host.task(150, 'qemu', mm, host.files({ 4: address ?? file, 6: host.file(host.vmFops, two, 'kvm-vm') }));
      if (others) host.vmm(200, [SLOT]);
      return { host, one, two };
    }

    test('the other file is read, and the VM is found by its memory', () => {
      const { host, one, two } = damaged({ others: true });
      expect(() => select(host, '150')).toThrow(
        new RegExp(
          `may hold VMs that can't be read:\\n  fd 6 .*0x${two.toString(16)} .*\\n  fd \\? .*0x${one.toString(16)} `,
        ),
      );
      expect(select(host, '150', '6')).toMatchObject({ kvm: two, fd: 6 });
      expect(select(host, '150', one.toString(16))).toMatchObject({ kvm: one, fd: null });
    });

    test('if all VMs of the host are known, it holds no others', () => {
      expect(() => select(damaged({ others: false }).host, '150')).toThrow(/holds several VMs/);
    });
  });

  test('the only VM of the host, of a process whose descriptors are lost, is used', () => {
    const host = new SyntheticHost();
    const { vm, task } = host.vmm(150, [SLOT]);
    host.set('task_struct', task, { files: 0xffff888ffff00000n });
    expect(select(host, '150')).toMatchObject({ kvm: vm, fd: null });
    host.vmm(200, [SLOT]);
    expect(() => select(host, '150')).toThrow(/may hold VMs that can't be read/);
  });

  test('a page of zeros in a descriptor table is noticed by the bitmap of descriptors', () => {
    const types = new SyntheticHost().typesText().replace('  ptr fd\n', '  ptr fd\n  ptr open_fds\n');
    const host = new SyntheticHost({ types });
    const { address: mm } = host.mm();
    const vm = host.vm(mm, [SLOT]);
    host.vmm(200, [SLOT]);
    const files = host.files({ 1000: host.file(host.vmFops, vm, 'kvm-vm') }, 2048);
    host.task(150, 'qemu', mm, files);
    const table = host.pointer(files + host.offset('files_struct', 'fdt'));
    const bitmap = host.allocate(2048 / 8);
    host.set('fdtable', table, { open_fds: bitmap });
    host.u64(bitmap + BigInt(Math.floor(1000 / 64) * 8), 1n << BigInt(1000 % 64));
    expect(select(host, '150')).toMatchObject({ fd: 1000 });
    host.u64(host.pointer(table + host.offset('fdtable', 'fd')) + 8000n, 0n);
    expect(() => select(host, '150')).toThrow(/may hold VMs that can't be read:\n {2}fd \? /);
  });

  test('files of descriptors that are not in use are damage, except for one that is being entered', () => {
    const types = new SyntheticHost().typesText().replace('  ptr fd\n', '  ptr fd\n  ptr open_fds\n');
    const host = new SyntheticHost({ types });
    const { address: mm } = host.mm();
    const file = host.file(host.vmFops, host.vm(mm, [SLOT]), 'kvm-vm');
    host.vmm(200, [SLOT]);
    const files = host.files({ 70: file, 71: file }, 128);
    host.task(150, 'qemu', mm, files);
    const table = host.pointer(files + host.offset('files_struct', 'fdt'));
    const bitmap = host.allocate(16);
    host.set('fdtable', table, { open_fds: bitmap });
    host.u64(bitmap + 8n, 1n << 6n);
    expect(select(host, '150')).toMatchObject({ fd: 70 });
    host.u64(bitmap + 8n, 0n);
    expect(() => select(host, '150')).toThrow(/may hold VMs that can't be read:\n {2}fd \? /);
  });

  test('a damaged size of a descriptor table: the search ends', () => {
    const host = new SyntheticHost();
    const { task } = host.vmm(150, [SLOT]);
    const files = host.pointer(task + host.offset('task_struct', 'files'));
    const table = host.pointer(files + host.offset('files_struct', 'fdt'));
    const open = (size: number) => {
      host.set('fdtable', table, { max_fds: size });
      const lost: string[] = [];
      const found = [...new Files(host.open()).open(files, ({ message }) => lost.push(message))];
      return { found: found.length, lost };
    };
    const few = open(64);
    const { found, lost } = open(2 ** 26);
    expect(lost.at(-1)).toMatch(/descriptor table: 64 pages up to descriptor \d+ have no file, or can't be read$/);
    expect([few.lost, few.found]).toEqual([[], 1]);
    expect(found).toBeLessThan(64);
    expect(() => open(200)).toThrow(/fdtable: max_fds can't be 200$/);
  });

  test('a descriptor table can not be smaller than the kernel makes it (zeros where the dump lost a page)', () => {
    const host = new SyntheticHost();
    const { task } = host.vmm(150, [SLOT]);
    host.vmm(200, [SLOT]);
    const files = host.pointer(task + host.offset('task_struct', 'files'));
    host.set('fdtable', host.pointer(files + host.offset('files_struct', 'fdt')), { max_fds: 0, fd: 0n });
    expect(() => select(host, '150')).toThrow(/may hold VMs that can't be read:\n {2}fd \? /);
  });

  test.each([2 ** 20, 2 ** 21])('is found at the end of a descriptor table of %d', (size) => {
    const host = new SyntheticHost();
    const { address: mm } = host.mm();
    const vm = host.vm(mm, [SLOT]);
    host.task(150, 'many', mm, host.files({ [size - 1]: host.file(host.vmFops, vm, 'kvm-vm') }, size));
    expect(select(host, '150')).toMatchObject({ fd: size - 1, kvm: vm });
  });
});
