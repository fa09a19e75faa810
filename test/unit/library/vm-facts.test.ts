// SPDX-License-Identifier: Apache-2.0
// Members of a VM's row, if the dump contradicts itself or lacks a page.
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { DumpError, type VmRow } from '../../../src/index.js';
import { KernelMemory } from '../../../src/kernel/memory.js';
import { readMm } from '../../../src/kernel/mm.js';
import { PatchedDump } from '../../build/patched.js';
import { FIXTURES } from '../../run.js';

const VMS = join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump');
let patched: PatchedDump;
let alpha: bigint;
beforeAll(async () => {
  patched = await PatchedDump.open(VMS);
  alpha = patched.dump.vm(147).kvm;
});
afterEach(() => {
  patched.restore();
});

/** The row of alpha, and whether all rows are complete. */
function row(): { vm: VmRow | undefined; isWhole: boolean | null } {
  const rows = patched.dump.vms();
  const vm = [...rows].find(({ kvm }) => kvm === alpha);
  return { vm, isWhole: rows.isWhole };
}

describe('a value that no VM has is null, and a problem says why', () => {
  test.each<readonly [string, 'vcpus' | 'type', string, number, 1 | 4, string]>([
    ['an unknown type', 'type', 'arch.vm_type', 77, 1, 'type: .*: the type 77 of a VM is not known'],
    ['more vCPUs than KVM allows', 'vcpus', 'online_vcpus.counter', 4097, 4, "vCPUs: .*: a VM can't have 4097 vCPUs"],
    [
      'more vCPUs than were created',
      'vcpus',
      'online_vcpus.counter',
      3,
      4,
      "vCPUs: .*: a VM can't have 3 vCPUs if only 2 were created",
    ],
  ])('%s', (_name, member, path, value, size, problem) => {
    expect(row()).toMatchObject({ vm: { vcpus: 2, type: 'default', problems: [] }, isWhole: true });
    patched.write(patched.at('kvm', alpha, path), value, size);
    const { vm, isWhole } = row();
    expect(vm?.[member]).toBeNull();
    expect(vm?.problems).toEqual([expect.stringMatching(new RegExp(problem))]);
    expect(isWhole).toBe(false);
  });
});

test("the vendor's module is found in the list of modules, if pages of the symbol table are missing", async () => {
  const table = patched.readBy(() => patched.host.symbols.get('svm_x86_ops'));
  expect(table.length).toBeGreaterThan(5);
  const other = await PatchedDump.open(VMS);
  // The page tables, and symbols that are needed to list VMs at all, are there.
  const needed = other.readBy(() => [...other.dump.slots()]);
  for (const frame of table) if (!needed.includes(frame)) other.hide(frame);
  expect(() => other.host.symbols.get('svm_x86_ops')).toThrow(DumpError);
  const rows = [...other.dump.vms()];
  expect(rows).toEqual([...patched.dump.vms()]);
  expect(new Set(rows.map(({ module }) => module))).toEqual(new Set(['kvm_amd']));
});

describe('arguments that the dump lacks', () => {
  /** The frame of the first page of alpha's arguments. */
  function frameOfArguments(): number {
    const { host } = patched;
    const mm = readMm(host, patched.u64(patched.at('kvm', alpha, 'mm')));
    const start = patched.u64(patched.at('mm_struct', mm.address, 'arg_start'));
    const frame = new KernelMemory(host.frames, host.memory.form, mm.root, 'process').frameOf(start);
    return frame as number;
  }

  test('are null; pages of a process are left out on purpose, not because makedumpfile is old', () => {
    patched.hide(frameOfArguments());
    const { vm } = row();
    expect(vm).toMatchObject({ arguments: null, name: null, uuid: null });
    expect(vm?.problems).toEqual([
      expect.stringMatching(/^arguments: 0x[0-9a-f]+: physical page 0x[0-9a-f]+: hidden$/),
    ]);
  });

  test('are not taken for empty ones if there are zeros in their place', () => {
    patched.zero(frameOfArguments());
    const { vm } = row();
    expect(vm).toMatchObject({ arguments: null, name: null, uuid: null });
    expect(vm?.problems).toEqual([expect.stringMatching(/^arguments: 0x[0-9a-f]+: only zeros/)]);
  });
});
