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
  for (const [pid, words] of Object.entries(guests)) {
    const { mm, tables, vm } = host.vmm(Number(pid), [SLOT]);
    vms[Number(pid)] = vm;
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
  return { host, vms };
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

  test('of two VMs is refused, and both are listed', () => {
    const { host } = hostOf({ 100: qemu('-name', 'twin'), 200: qemu('-name', 'twin') });
    expect(() => select(host, 'twin')).toThrow(/'twin' holds several VMs:\n.*fd 9 .*\n.*fd 9 /);
    expect(() => select(host, 'twi')).toThrow(
      /'twi' is not a pid.* no VM has this name or UUID; VMs: 100 \('twin', qemu-system-x86, fd 9\), 200 \('twin', /,
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
