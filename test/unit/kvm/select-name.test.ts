// SPDX-License-Identifier: Apache-2.0
// -g with the name or the UUID of a guest, and without -g.
import { describe, expect, test } from '@jest/globals';
import { vpnOf } from '../../../src/core/address.js';
import { SyntheticHost } from '../../build/host.js';
import { PAGE } from '../../build/memory.js';
import { SLOT, select } from '../../build/selected.js';

const ARGUMENTS = 0x7ffd00000f80n;
const UUID = '0000000b-0000-4000-8000-00000000000b';

/** A host with these guests, by pid: the arguments of each process, or null if its memory is not in the dump. */
function hostOf(guests: Readonly<Record<number, readonly string[] | null>>) {
  const host = new SyntheticHost();
  const vms: Record<number, bigint> = {};
  const tasks: Record<number, bigint> = {};
  for (const [pid, words] of Object.entries(guests)) {
    const { mm, tables, vm, task } = host.vmm(Number(pid), [SLOT]);
    vms[Number(pid)] = vm;
    tasks[Number(pid)] = task;
    const text = Buffer.from(`${(words ?? ['x']).join('\0')}\0`, 'latin1');
    host.set('mm_struct', mm, { arg_start: ARGUMENTS, arg_end: ARGUMENTS + BigInt(text.length) });
    if (words === null) continue;
    // The arguments cross the end of a page.
    for (let at = 0; at < text.length; ) {
      const address = ARGUMENTS + BigInt(at);
      const offset = Number(address % PAGE);
      const frame = host.memory.allocate();
      const part = text.subarray(at, at + 4096 - offset);
      tables.map(BigInt(vpnOf(address)) * PAGE, frame);
      part.forEach((byte, i) => {
        host.memory.frames.get(frame)?.set([byte], offset + i);
      });
      at += part.length;
    }
  }
  return { host, vms, tasks };
}

const qemu = (...words: string[]): string[] => ['/usr/bin/qemu-system-x86_64', '-machine', 'q35'.padEnd(100), ...words];

describe('a name', () => {
  const guests = { 100: qemu('-name', 'alpha', '-uuid', UUID), 200: qemu('-name', 'guest=beef,debug-threads=on') };

  test.each([
    ['alpha', 100],
    [UUID, 100],
    [UUID.toUpperCase(), 100],
    ['beef', 200],
  ])('%s', (name, pid) => {
    const { host, vms } = hostOf(guests);
    expect(select(host, name)).toMatchObject({ pid, fd: 9, kvm: vms[pid] });
  });

  test('a pid takes precedence over a name', () => {
    const { host, vms } = hostOf({ 100: qemu('-name', '200'), 200: qemu('-name', '100') });
    expect(select(host, '100').kvm).toBe(vms[100]);
    expect(select(host, '200').kvm).toBe(vms[200]);
  });

  test('that looks like a number is used if no process has that pid', () => {
    const { host, vms } = hostOf({ 100: qemu('-name', '777'), 200: qemu('-name', '12') });
    expect(select(host, '777').kvm).toBe(vms[100]);
  });

  test.each([
    ['zürich', 'UTF-8'],
    ['東京', 'UTF-8'],
    ['z\xfcrich', 'another encoding, whose bytes are taken for characters'],
  ])('%s, in %s', (name, encoding) => {
    const bytes = Buffer.from(name, encoding === 'UTF-8' ? 'utf8' : 'latin1').toString('latin1');
    const { host, vms } = hostOf({ 100: qemu('-name', `guest=${bytes},debug-threads=on`), 200: qemu('-name', 'x') });
    expect(select(host, name)).toMatchObject({ pid: 100, kvm: vms[100] });
    const other = bytes === name ? 'zurich' : bytes;
    expect(() => select(host, other)).toThrow(/VMs: 100 \('[^']+', qemu-system-x86, fd 9\), 200 \('x', /);
  });

  test('of two VMs is refused, and both are listed', () => {
    const { host } = hostOf({ 100: qemu('-name', 'twin'), 200: qemu('-name', 'twin') });
    expect(() => select(host, 'twin')).toThrow(/'twin' holds several VMs:\n.*fd 9 .*\n.*fd 9 /);
    expect(() => select(host, 'twi')).toThrow(
      /'twi' is not a pid.* no VM has this name or UUID; VMs: 100 \('twin', qemu-system-x86, fd 9\), 200 \('twin', /,
    );
  });

  test('of two VMs with the same descriptor is refused with --vm, too; the processes are listed', () => {
    const { host, vms } = hostOf({ 100: qemu('-name', 'twin'), 200: qemu('-name', 'twin') });
    expect(() => select(host, 'twin', '9')).toThrow(
      /'twin' has several VMs with descriptor 9:\n {2}pid 200 {2}fd 9 {2}kvm 0x.*\n {2}pid 100 {2}fd 9 {2}kvm 0x/,
    );
    expect(() => select(host, 'twin', '8')).toThrow(/'twin' does not hold VM '8'; it holds:\n {2}pid 200 {2}fd 9 /);
    expect(select(host, 'twin', `0x${vms[200]?.toString(16)}`)).toMatchObject({ pid: 200, fd: 9, kvm: vms[200] });
  });

  test('that is a hexadecimal pid, too, is that of the guest', () => {
    const { host, vms } = hostOf({ 100: qemu('-name', 'b4'), 180: qemu('-name', 'beta') });
    const { kvm, said } = select(host, 'b4');
    expect(kvm).toBe(vms[100]);
    expect(said).toEqual([
      "'b4' is read as the name of a guest; as a hexadecimal pid it would be pid 180 (qemu-system-x86)",
    ]);
    expect(select(host, '0xb4')).toMatchObject({ kvm: vms[0xb4], said: [] });
  });

  test('that looks like a hexadecimal pid, if no guest has it', () => {
    const { host, vms } = hostOf({ 100: qemu('-name', 'alpha'), 180: qemu('-name', 'beta') });
    expect(select(host, 'b4')).toMatchObject({
      kvm: vms[0xb4],
      said: ['b4 is read as hexadecimal: pid 180 (qemu-system-x86)'],
    });
  });

  test('that is the hexadecimal pid of a creator that has exited, too, is that of the guest', () => {
    const { host, vms } = hostOf({ 100: qemu('-name', 'c5'), 200: qemu() });
    host.set('kvm', vms[100] as bigint, { userspace_pid: 100 });
    host.set('kvm', vms[200] as bigint, { userspace_pid: 0xc5 });
    expect(select(host, 'c5').kvm).toBe(vms[100]);
    expect(select(host, '0xc5').kvm).toBe(vms[200]);
  });

  test('is that of the creator, whatever process holds the VM', () => {
    const { host, vms, tasks } = hostOf({ 100: qemu('-name', 'alpha'), 200: qemu('-name', 'beta') });
    const beta = vms[200] as bigint;
    const files = host.pointer((tasks[100] as bigint) + host.offset('task_struct', 'files'));
    const table = host.pointer(files + host.offset('files_struct', 'fdt'));
    host.u64(host.pointer(table + host.offset('fdtable', 'fd')), host.file(host.vmFops, beta, 'kvm-vm'));
    expect(select(host, 'beta')).toMatchObject({ pid: 200, fd: 9, kvm: beta });
    expect(select(host, 'beta', '0')).toMatchObject({ pid: 100, fd: 0, kvm: beta });
    expect(select(host, 'alpha')).toMatchObject({ pid: 100, fd: 9, kvm: vms[100] });
    expect(() => select(host, 'gamma')).toThrow(
      "VMs: 100 ('alpha', qemu-system-x86, fd 0 9), 200 ('beta', qemu-system-x86, fd 9)",
    );
  });

  test('of a VM whose arguments are not in the dump is not said not to exist', () => {
    const { host } = hostOf({ 100: null, 200: qemu('-name', 'beta') });
    expect(select(host, 'beta').pid).toBe(200);
    const list = "VMs: 100 (qemu-system-x86, fd 9), 200 ('beta', qemu-system-x86, fd 9)";
    const unread = "the name of 1 VM can't be read from the dump";
    expect(() => select(host, 'alpha')).toThrow(
      `process 'alpha' is not a pid or the address of a task_struct, and no VM is known to have this name or UUID: ${unread}, so use a pid; ${list}`,
    );
    expect(() => select(host, 'beef')).toThrow(
      `no process or task_struct beef in the dump; whether a VM has the name 'beef' is not known, because ${unread}; ${list}`,
    );
    expect(() => select(host, '77')).toThrow(`no process or task_struct 77 in the dump; ${list}`);
  });
});

describe('no -g', () => {
  test('the only VM is used, and a warning says so', () => {
    const { host, vms } = hostOf({ 100: qemu() });
    const { kvm, pid, fd, said } = select(host, null);
    expect({ kvm, pid, fd }).toEqual({ kvm: vms[100], pid: 100, fd: 9 });
    expect(said).toEqual(['no process was given; using the only VM of the dump, that of pid 100 (qemu-system-x86)']);
  });

  test('of two VMs none is used, unless --vm names one by its address', () => {
    const { host, vms } = hostOf({ 100: qemu(), 200: qemu() });
    expect(() => select(host, null)).toThrow(/100 \(qemu-system-x86, fd 9\), 200 \(qemu-system-x86, fd 9\)/);
    expect(select(host, null, `0x${vms[200]?.toString(16)}`)).toMatchObject({ kvm: vms[200], pid: 200 });
    expect(() => select(host, null, '9')).toThrow(
      /^process is missing: the process whose file descriptor 9 is the VM; VMs: 100 \(/,
    );
    expect(() => select(host, null, 'ffff888000000008')).toThrow(
      /^no VM is known whose struct kvm is at 'ffff888000000008'; VMs: 100 \(/,
    );
  });

  test('a VM is not considered the only one if others may be missing', () => {
    const { host, vms } = hostOf({ 100: qemu() });
    host.u64((vms[100] as bigint) + host.offset('kvm', 'vm_list'), 0xffff888ffff00000n);
    expect(() => select(host, null)).toThrow(/the process that holds the VM/);
  });
});
