// SPDX-License-Identifier: Apache-2.0
// Rows of memslots, if the memory of the kernel was changed.
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { SlotRow } from '../../../src/index.js';
import { Files } from '../../../src/kernel/files.js';
import { readMm } from '../../../src/kernel/mm.js';
import { vmas } from '../../../src/kernel/vma.js';
import { PatchedDump } from '../../build/patched.js';
import { FIXTURES } from '../../run.js';

let patched: PatchedDump;
let whole: readonly SlotRow[];
beforeAll(async () => {
  patched = await PatchedDump.open(join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump'));
  whole = [...patched.dump.slots()];
});
afterEach(() => {
  patched.restore();
});

/** The first slot of this kind of backing, and the struct file that is mapped there. */
function fileOf(kind: string): { slot: SlotRow; file: bigint } {
  const slot = whole.find(({ backing }) => backing.kind === kind);
  if (slot === undefined) throw new Error(`no slot of ${kind}`);
  const mm = readMm(patched.host, patched.u64(patched.at('kvm', slot.kvm, 'mm')));
  const [mapping] = vmas(patched.host, mm, slot.hva, slot.hva + 1n);
  return { slot, file: mapping?.file ?? 0n };
}

/** The row of the same slot now, and whether all rows are complete. */
function again({ kvm, addressSpace, id }: SlotRow) {
  const rows = patched.dump.slots();
  const found = [...rows].filter((row) => row.kvm === kvm && row.addressSpace === addressSpace && row.id === id);
  return { backing: found[0]?.backing, problems: found[0]?.problems, isWhole: rows.isWhole };
}

describe('the backing of a slot', () => {
  test.each([0, 8, 10, 40])('huge pages of order %i do not exist', (order) => {
    const { slot, file } = fileOf('hugetlb');
    expect(slot.backing.pageSize).toBe(2 ** 21);
    const hstate = patched.u64(
      patched.at('hugetlbfs_sb_info', new Files(patched.host).fileSystemOf(file).info, 'hstate'),
    );
    patched.write(patched.at('hstate', hstate, 'order'), order, 4);
    expect(again(slot)).toEqual({
      backing: { ...slot.backing, pageSize: null },
      problems: [expect.stringMatching(`backing: its page size: .*: the order of huge pages can't be ${order}`)],
      isWhole: false,
    });
  });

  test('huge pages of 1 GiB', () => {
    const { slot, file } = fileOf('hugetlb');
    const hstate = patched.u64(
      patched.at('hugetlbfs_sb_info', new Files(patched.host).fileSystemOf(file).info, 'hstate'),
    );
    patched.write(patched.at('hstate', hstate, 'order'), 18, 4);
    expect(again(slot)).toMatchObject({ backing: { pageSize: 2 ** 30 }, problems: [] });
  });

  test.each(['hugetlb', 'memfd'])('no part of the path of a %s file has an empty name', (kind) => {
    const { slot, file } = fileOf(kind);
    const dentry = patched.u64(patched.at('file', file, 'f_path.dentry'));
    patched.write(patched.at('dentry', dentry, 'd_name.len'), 0, 4);
    const { backing, problems, isWhole } = again(slot);
    expect(backing?.path).toBeNull();
    expect(problems?.[0]).toMatch(/^backing: the path of its file: dentry at 0x.*: a part of a path can't be empty/);
    expect(isWhole).toBe(false);
  });

  test('no file system has an empty name', () => {
    const { slot, file } = fileOf('hugetlb');
    const dentry = patched.u64(patched.at('file', file, 'f_path.dentry'));
    const inode = patched.u64(patched.at('dentry', dentry, 'd_inode'));
    const type = patched.u64(patched.at('super_block', patched.u64(patched.at('inode', inode, 'i_sb')), 's_type'));
    patched.write(patched.u64(patched.at('file_system_type', type, 'name')), 0, 1);
    const { backing, problems, isWhole } = again(slot);
    expect(backing?.pageSize).toBeNull();
    expect(problems?.[0]).toMatch(/^backing: its page size: .*: the name of a file system can't be empty/);
    expect(isWhole).toBe(false);
  });

  test('is not known at addresses that no process has', () => {
    const { kvm } = fileOf('anonymous').slot;
    const set = patched.u64(patched.at('kvm', kvm, 'memslots'));
    const root = patched.u64(patched.at('kvm_memslots', set, 'gfn_tree.rb_node'));
    const index = BigInt(Number(patched.u64(patched.at('kvm_memslots', set, 'node_idx')) & 1n));
    const at = root - patched.at('kvm_memory_slot', 0n, 'gfn_node') - index * 24n;
    const pages = patched.u64(patched.at('kvm_memory_slot', at, 'npages'));
    const interval = patched.at('kvm_memory_slot', at, 'hva_node') + index * 48n;
    patched.write(patched.at('kvm_memory_slot', at, 'userspace_addr'), 2n ** 47n, 8);
    patched.write(patched.at('interval_tree_node', interval, 'start'), 2n ** 47n, 8);
    patched.write(patched.at('interval_tree_node', interval, 'last'), 2n ** 47n + pages * 4096n - 1n, 8);
    const rows = patched.dump.slots();
    const row = [...rows].find(({ hva }) => hva === 2n ** 47n);
    expect(row).toMatchObject({ kvm, backing: { kind: null } });
    expect(row?.problems).toEqual([
      expect.stringMatching(/^backing: 0x800000000000 to 0x8000.* are not user-space addresses$/),
    ]);
    expect(rows.isWhole).toBe(false);
  });
});
