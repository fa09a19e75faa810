// SPDX-License-Identifier: Apache-2.0
// Pages that no page table maps, of files, shared memory and guest_memfds, page by page and as runs.
import { describe, expect, test } from '@jest/globals';
import { readMm } from '../../../src/kernel/mm.js';
import { selectVm } from '../../../src/kvm/select.js';
import { GuestSpace } from '../../../src/spaces/guest-space.js';
import { MmSpace } from '../../../src/spaces/mm-space.js';
import type { AddressSpace, Run } from '../../../src/spaces/space.js';
import { CacheHost, ERAS } from '../../build/caches.js';
import { eras } from '../../build/mappings.js';
import { type PageTables, swapEntry } from '../../build/memory.js';
import { expectAgreement, runsOf } from '../../build/runs.js';
import { HVA, slot } from '../../build/translators.js';
import type { Stored } from '../../build/xarray.js';

const PAGE = 4096n;
const FIRST = Number(HVA / PAGE);
const SWAPPED = 0x408;

interface Wish {
  /** First page, relative to HVA, and number of pages. */
  readonly at: number;
  readonly pages: number;
  readonly file?: bigint;
  readonly pgoff?: number;
  readonly flags?: bigint;
}

/** A process with these mappings. */
function processOf(host: CacheHost, wishes: readonly Wish[]): { space: () => MmSpace; tables: PageTables } {
  const { address, tables } = host.mm();
  const list = wishes.map(({ at, pages }) => ({
    start: HVA + BigInt(at) * PAGE,
    end: HVA + BigInt(at + pages) * PAGE,
  }));
  const made = wishes.map(({ file = 0n, pgoff = 0, flags = 8n }, i) =>
    host.make('vm_area_struct', {
      vm_start: list[i]?.start ?? 0n,
      vm_end: list[i]?.end ?? 0n,
      vm_flags: flags,
      vm_pgoff: pgoff,
      vm_file: file,
    }),
  );
  eras['a maple tree']?.plant(host, address, list, made);
  return { space: () => new MmSpace(host.open(), readMm(host.open(), address)), tables };
}

/** Runs relative to HVA: first page, pages, reason or state, frame, place in swap. They agree with single answers. */
function rows<A extends Run>(space: AddressSpace<A>, from: number, to: number, base = FIRST) {
  const runs = runsOf(space, base + from, base + to);
  expectAgreement(space, runs);
  return runs.map(({ page, pages, state, reason, frame, swap }) => [
    page - base,
    pages,
    reason ?? state,
    frame,
    swap === null ? null : `${swap.type}:${swap.offset}`,
  ]);
}

const stored = (index: number, entry: bigint, order = 0): Stored => ({ index: BigInt(index), order, entry });

test('the pages of a file are where its mapping has them', () => {
  const host = new CacheHost(ERAS['an XArray']);
  const { file, mapping } = host.cachedFile('ext4');
  host.cache(mapping, [
    ...[10, 11, 12].map((index, i) => stored(index, host.page(0x80 + i, { mapping, index }))),
    stored(13, host.page(0x99, { mapping, index: 13 })),
  ]);
  const { space, tables } = processOf(host, [
    { at: 0, pages: 8, file, pgoff: 8 },
    { at: 8, pages: 4 },
    { at: 20, pages: 3, file, pgoff: 11 },
  ]);
  tables.map(HVA + 3n * PAGE, 0x500);
  expect(rows(space(), 0, 30)).toEqual([
    [0, 2, 'empty-entry', null, null],
    [2, 1, 'in-page-cache', 0x80, null],
    [3, 1, 'mapped', 0x500, null],
    [4, 1, 'in-page-cache', 0x82, null],
    [5, 1, 'in-page-cache', 0x99, null],
    // The file, anonymous memory and no mapping have the same answer.
    [6, 14, 'empty-entry', null, null],
    [20, 2, 'in-page-cache', 0x81, null],
    [22, 1, 'in-page-cache', 0x99, null],
    [23, 7, 'empty-entry', null, null],
  ]);
  const answers = space();
  const messages = [1, 2, 9, 25].map((page) => answers.page(FIRST + page).message);
  expect(messages).toEqual([
    'the PTE entry is empty: no page is mapped there, and the page cache of its file does not have one',
    'the PTE entry is empty: no page is mapped there, but the page cache of its file has the page, at physical address 0x80000',
    'the PTE entry is empty: no page is allocated there',
    'the PTE entry is empty: no page is mapped there',
  ]);
});

test('shared memory in swap, and of that the pages that are in the swap cache as well', () => {
  const host = new CacheHost(ERAS['an XArray']);
  host.swapArea(3, 40_000);
  const page = (frame: number, offset: number) =>
    stored(offset, host.page(frame, { private: host.swapEntry(3, offset), flags: SWAPPED }));
  host.swapSpaces(3, [[page(0x70, 102), page(0x71, 103), page(0x60, 900)]]);
  const { file, mapping } = host.cachedFile('tmpfs');
  host.cache(mapping, [
    ...[0, 1, 2, 3].map((index) => stored(index, host.swapValue(3, 100 + index))),
    // Not a place in swap of this host.
    stored(5, host.swapValue(3, 50_000)),
  ]);
  const { space, tables } = processOf(host, [{ at: 0, pages: 7, file }]);
  tables.set(HVA + 6n * PAGE, 0, swapEntry(3, 900n));
  expect(rows(space(), 0, 7)).toEqual([
    [0, 2, 'shmem-swapped', null, '3:100'],
    [2, 2, 'shmem-swapped', 0x70, '3:102'],
    [4, 1, 'empty-entry', null, null],
    [5, 1, 'page-cache-unreadable', null, null],
    [6, 1, 'swap-entry', 0x60, '3:900'],
  ]);
  expect(space().page(FIRST + 6)).toMatchObject({
    state: 'swapped',
    message: 'the page has been swapped out; it is also in memory, in the swap cache, at physical address 0x60000',
  });
});

test('large pages, and a huge page of hugetlbfs whose place is inside it', () => {
  const host = new CacheHost(ERAS['an XArray']);
  const [shmem, huge] = [host.cachedFile('tmpfs'), host.cachedFile('hugetlbfs', 9)];
  host.cache(shmem.mapping, [stored(512, host.page(0x400, { mapping: shmem.mapping, index: 512, order: 9 }), 9)]);
  host.cache(huge.mapping, [stored(1, host.page(0x800, { mapping: huge.mapping, index: 1, order: 9 }))]);
  const { space } = processOf(host, [
    { at: 0, pages: 1024, file: shmem.file },
    { at: 1024, pages: 1024, file: huge.file, pgoff: 512, flags: 0x400008n },
  ]);
  expect(rows(space(), 0, 2048)).toEqual([
    [0, 512, 'empty-entry', null, null],
    [512, 512, 'in-page-cache', 0x400, null],
    [1024, 512, 'in-page-cache', 0x800, null],
    [1536, 512, 'empty-entry', null, null],
  ]);
  expect(rows(space(), 700, 702)).toEqual([[700, 2, 'in-page-cache', 0x400 + 188, null]]);
});

test('device memory is in no page cache; files that can not be read hide what became of their pages', () => {
  const host = new CacheHost(ERAS['an XArray']);
  const nowhere = 0xffff888ffff00000n;
  const { space } = processOf(host, [
    { at: 0, pages: 2, file: nowhere, flags: 0x400n },
    { at: 2, pages: 2, file: nowhere },
  ]);
  expect(rows(space(), 0, 4)).toEqual([
    [0, 2, 'empty-entry', null, null],
    [2, 2, 'page-cache-unreadable', null, null],
  ]);
  expect(space().page(FIRST + 2).message).toMatch(
    /^the \w+ entry is empty: no page is mapped there; it is not known whether the page cache of its file has one: struct file/,
  );
});

describe('guest_memfd', () => {
  const GUEST_MEMFD = 4;
  const GMEM_ONLY = 1 << 17;
  const PRIVATE = (8n << 1n) | 1n;

  function guest(flags: number) {
    const host = new CacheHost(ERAS['an XArray']);
    const { vm } = host.vmm(191, [slot(0, 0x10000n, 64n, HVA, flags)]);
    const { file, mapping } = host.cachedFile('anon_inodefs');
    // The first page of the slot is the fifth of the file.
    host.cache(
      mapping,
      [5, 6, 7, 30].map((index, i) => stored(index, host.page(0x80 + i, { mapping, index }))),
    );
    const gmem = (set: Record<string, bigint | number>) => {
      const [found] = selectVm(host.open(), '191', null).vm.slots(0).slots;
      host.set('kvm_memory_slot', found?.address ?? 0n, set);
    };
    return { host, vm, file, gmem, space: () => new GuestSpace(selectVm(host.open(), '191', null).vm, 0) };
  }

  test('private pages have the frame that the guest_memfd has for them', () => {
    const { host, vm, file, gmem, space } = guest(GUEST_MEMFD);
    gmem({ 'gmem.file': file, 'gmem.pgoff': 5 });
    for (const frame of [17, 18, 19, 41])
      host.xarraySet(vm + host.offset('kvm', 'mem_attr_array.xa_head'), BigInt(frame), PRIVATE);
    expect(rows(space(), 16, 50, 0)).toEqual([
      [16, 1, 'empty-entry', null, null],
      [17, 2, 'gmem-private', 0x81, null],
      [19, 1, 'gmem-private', null, null],
      [20, 21, 'empty-entry', null, null],
      [41, 1, 'gmem-private', 0x83, null],
      [42, 8, 'empty-entry', null, null],
    ]);
    expect([17, 19].map((frame) => space().page(frame).message)).toEqual([
      'the page is private: it is in the guest_memfd, not at the host virtual address; the guest_memfd has it at physical address 0x81000',
      'the page is private: it is in the guest_memfd, not at the host virtual address; the guest_memfd does not have it yet',
    ]);
  });

  test('all pages of a slot that is only in its guest_memfd', () => {
    const { file, gmem, space } = guest(GUEST_MEMFD | GMEM_ONLY);
    gmem({ 'gmem.file': file, 'gmem.pgoff': 5 });
    expect(rows(space(), 16, 80, 0)).toEqual([
      [16, 3, 'gmem-only', 0x80, null],
      [19, 22, 'gmem-only', null, null],
      [41, 1, 'gmem-only', 0x83, null],
      [42, 38, 'gmem-only', null, null],
    ]);
  });

  test('a guest_memfd that was closed, and one that can not be read', () => {
    const { gmem, space } = guest(GUEST_MEMFD | GMEM_ONLY);
    expect(rows(space(), 16, 80, 0)).toEqual([[16, 64, 'gmem-only', null, null]]);
    gmem({ 'gmem.file': 0xffff888ffff00000n });
    expect(rows(space(), 16, 80, 0)).toEqual([[16, 64, 'gmem-only', null, null]]);
    expect(space().page(16).message).toMatch(/; its frame is not known: struct file/);
  });
});
