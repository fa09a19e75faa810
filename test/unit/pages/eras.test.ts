// SPDX-License-Identifier: Apache-2.0
// Struct page in forms that no recorded host has: 2.6.32, 4.4, 4.18, 6.1 with vmemmap optimization, 6.6, kernels without
// mapcounts of pages. What each form means is from include/linux/mm_types.h, page-flags.h and fs/proc/page.c of the kernels.
import { describe, expect, test } from '@jest/globals';
import { Bytes } from '../../../src/core/bytes.js';
import { silentLog } from '../../../src/core/log.js';
import type { Host } from '../../../src/kernel/host.js';
import { PageFacts } from '../../../src/pages/facts.js';
import { LayoutTypes } from '../../build/containers.js';
import { Layouts } from '../../build/layout.js';
import { LISTS, NAMES, PATHS, XARRAYS } from '../../build/small-kernel.js';

const VMEMMAP = 0xffffea0000000000n;
/** Structures that the files and the swap cache need, which these pages do not use. */
const OTHERS = `
${LISTS}${XARRAYS}${NAMES}${PATHS}file {
  struct path f_path
  ptr f_op
  ptr private_data
}
dentry {
  ptr d_parent
  struct qstr d_name
}
address_space {
  ptr host
  struct xarray i_pages
}
inode {
  ptr i_mapping
  u64 i_ino
}
`;
const OLD_FLAGS =
  'enum pageflags { PG_locked=0, PG_referenced=2, PG_lru=5, PG_slab=7, PG_reserved=10, PG_head=14, PG_tail=15, PG_swapcache=16, PG_swapbacked=20, PG_buddy=19, __NR_PAGEFLAGS=25 }';
const FLAGS_44 =
  'enum pageflags { PG_locked=0, PG_referenced=2, PG_lru=5, PG_slab=7, PG_reserved=10, PG_head=14, PG_swapcache=15, PG_swapbacked=18, __NR_PAGEFLAGS=25 }';
const FLAGS_61 =
  'enum pageflags { PG_locked=0, PG_referenced=1, PG_lru=4, PG_workingset=6, PG_slab=9, PG_owner_priv_1=10, PG_reserved=12, PG_head=16, PG_mappedtodisk=17, PG_swapbacked=19, PG_hwpoison=23, __NR_PAGEFLAGS=28, PG_swapcache=10, PG_double_map=6, PG_anon_exclusive=17 }';
const FLAGS_66 =
  'enum pageflags { PG_locked=0, PG_referenced=2, PG_lru=5, PG_head=6, PG_workingset=9, PG_slab=11, PG_owner_priv_1=12, PG_reserved=14, PG_swapbacked=19, PG_hwpoison=23, __NR_PAGEFLAGS=28, PG_swapcache=12, PG_large_rmappable=9 }';
const FLAGS_618 =
  'enum pageflags { PG_locked=0, PG_referenced=2, PG_lru=5, PG_head=6, PG_workingset=9, PG_owner_priv_1=10, PG_reserved=13, PG_swapbacked=17, PG_hwpoison=21, __NR_PAGEFLAGS=25, PG_swapcache=10, PG_large_rmappable=9 }';
const TYPES_618 =
  'enum pagetype { PGTY_buddy=240, PGTY_offline=241, PGTY_table=242, PGTY_hugetlb=244, PGTY_slab=245, PGTY_mapcount_underflow=255 }';

const PAGE_26 = `page {
  u64 flags
  int _count
  int _mapcount
  union {
    struct {
      u64 private
      ptr mapping
    }
    ptr first_page
  }
  u64 index
  struct list_head lru
}`;
const PAGE_44 = `page {
  u64 flags
  ptr mapping
  u64 index
  int _mapcount
  int _count
  union {
    struct list_head lru
    struct {
      ptr compound_head
      u32 compound_dtor
      u32 compound_order
    }
  }
  u64 private
  ptr mem_cgroup
}`;
/** Since 4.16; `tail`: the members of tail pages. */
const page = (tail: string, head = 'compound_head') => `page {
  u64 flags
  union {
    struct list_head lru
    struct {
      u64 ${head}
${tail}
    }
  }
  ptr mapping
  u64 index
  u64 private
  union {
    int _mapcount
    u32 page_type
  }
  int _refcount
  u64 memcg_data
}`;
const DTOR = '      u8 compound_dtor\n      u8 compound_order\n      int compound_mapcount';
const folio = (members: string) => `folio {
  struct page page
  u64 _flags_1
  u64 _head_1
${members}
  pad 8
}`;

/** A struct page by member. */
type Values = Readonly<Record<string, bigint | number>>;
interface Kernel {
  readonly text: string;
  readonly info?: Readonly<Record<string, number>>;
  readonly symbols?: Readonly<Record<string, bigint>>;
}

/** A machine with struct pages at some frames; those of `copies` are the ones of other frames (a page of vmemmap each). */
class Machine {
  readonly layouts: Layouts;
  readonly #bytes = new Map<number, Buffer>();
  readonly #copies = new Map<number, number>();

  constructor(readonly kernel: Kernel) {
    this.layouts = new Layouts(`${OTHERS}${kernel.text}`);
  }

  get size(): number {
    return this.layouts.size('page');
  }

  address(frame: number): bigint {
    return VMEMMAP + BigInt(frame * this.size);
  }

  /** `struct`: the structure that names the members: page, or folio for those of tail pages. */
  set(frame: number, values: Values, struct = 'page'): this {
    for (const [member, value] of Object.entries(values)) {
      const { offset, type } = this.layouts.at(struct, member);
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
      const place = frame * this.size + offset;
      bytes.subarray(0, this.layouts.size(type)).copy(this.#page(Math.floor(place / 4096)), place % 4096);
    }
    return this;
  }

  /** The struct pages of 64 frames are those of others. */
  copy(frame: number, of: number): this {
    this.#copies.set((frame * this.size) / 4096, (of * this.size) / 4096);
    return this;
  }

  facts(): PageFacts {
    const { symbols = {}, info = {} } = this.kernel;
    const memory = {
      form: { levels: 4 },
      frameOf: () => ({ reason: 'unmapped' }),
      read: (address: bigint, length: number) => {
        if (address < VMEMMAP) return { address, reason: 'unmapped', message: 'not there' };
        const start = Number(address - VMEMMAP);
        const bytes = Buffer.alloc(length);
        for (let i = 0; i < length; i++) {
          const number = Math.floor((start + i) / 4096);
          bytes[i] = this.#page(this.#copies.get(number) ?? number)[(start + i) % 4096] as number;
        }
        return Bytes.of(bytes, { source: 'test', offset: address });
      },
    };
    const host = {
      types: new LayoutTypes(`${OTHERS}${this.kernel.text}`),
      symbols: { get: (name: string) => symbols[name] },
      info: {
        symbol: (name: string) => (name === 'vmemmap' ? VMEMMAP : null),
        number: (name: string) => (info[name] === undefined ? null : BigInt(info[name])),
        length: () => null,
      },
      frames: { limit: 0x10000 },
      memory,
      log: silentLog,
    };
    return new PageFacts(host as unknown as Host);
  }

  #page(number: number): Buffer {
    const known = this.#bytes.get(number) ?? Buffer.alloc(4096);
    this.#bytes.set(number, known);
    return known;
  }
}

/** What is compared: kind, names of kpageflags, kpagecount, mapcount, head, order. */
function told(facts: PageFacts, frame: number): readonly unknown[] {
  const { kind, kpageNames, kpage, mapcount, head, order } = facts.look(frame);
  return [kind, kpageNames.join(), kpage.count, mapcount, head, order];
}

const free = -1;
const ANON = 0xffff888000000001n;

describe('2.6.32: PG_tail and first_page, PG_buddy, struct page of 56 bytes that cross pages', () => {
  const machine = new Machine({
    text: `${PAGE_26}\n${OLD_FLAGS}`,
    symbols: { free_huge_page: 0xffffffff81234560n },
  });
  machine.set(64, { flags: 1 << 19, private: 3, _mapcount: free });
  for (let i = 65; i < 72; i++) machine.set(i, { _mapcount: free });
  machine.set(72, { _count: 1, _mapcount: free });
  machine.set(73, { flags: (1 << 5) | (1 << 20), _count: 1, _mapcount: 1, mapping: ANON });
  machine.set(512, { flags: 1 << 14, _count: 2, _mapcount: 0 });
  for (let i = 513; i < 1024; i++)
    machine.set(i, { flags: 1 << 15, first_page: machine.address(512), _mapcount: free });
  machine.set(513, { 'lru.next': 0xffffffff81234560n, 'lru.prev': 9 });
  const facts = machine.facts();

  test.each([
    ['the first page of a free block', 64, ['free', 'buddy', 0, 0, null, 0]],
    ['another page of it, which this kernel does not mark', 67, ['free', '', 0, 0, null, 0]],
    ['a page of the kernel', 72, ['kernel', '', 0, 0, null, 0]],
    [
      'anonymous memory that two processes map; its struct page crosses a page',
      73,
      ['anonymous', 'lru,mmap,anonymous,swapbacked', 2, 2, null, 0],
    ],
    ['the head of a huge page', 512, ['hugetlb', 'mmap,compound_head,huge', 1, 1, 512, 9]],
    ['a tail of it', 700, ['hugetlb', 'compound_tail,huge', 0, 1, 512, 9]],
  ])('%s', (_, frame, expected) => {
    expect(told(facts, frame)).toEqual(expected);
  });
});

describe('4.4: compound_head, compound_dtor, -128 for buddy', () => {
  const machine = new Machine({ text: `${PAGE_44}\n${FLAGS_44}`, info: { PAGE_BUDDY_MAPCOUNT_VALUE: -128 } });
  machine.set(64, { _mapcount: -128, private: 1 }).set(65, { _mapcount: free });
  machine.set(128, { flags: (1 << 14) | (1 << 7), _count: 1, _mapcount: 5 });
  for (let i = 129; i < 132; i++) machine.set(i, { compound_head: machine.address(128) + 1n, _mapcount: free });
  machine.set(129, { compound_order: 2 });
  machine.set(512, { flags: 1 << 14, _count: 1, _mapcount: 0 });
  for (let i = 513; i < 1024; i++) machine.set(i, { compound_head: machine.address(512) + 1n, _mapcount: free });
  machine.set(513, { compound_order: 9, compound_dtor: 2 });
  const facts = machine.facts();

  test.each([
    ['the first page of a free block', 64, ['free', 'buddy', 0, 0, null, 0]],
    ['another page of it', 65, ['free', '', 0, 0, null, 0]],
    ['a slab, whose count is no count', 128, ['slab', 'slab,compound_head', 0, 0, 128, 2]],
    ['a huge page', 512, ['hugetlb', 'mmap,compound_head,huge', 1, 1, 512, 9]],
  ])('%s', (_, frame, expected) => {
    expect(told(facts, frame)).toEqual(expected);
  });
});

describe('4.18 to 5.10 without control groups: types by cleared bits, PG_table is 0x400', () => {
  const text = `${page(DTOR)}\n${FLAGS_61}`.replace('  u64 memcg_data\n', '');
  const machine = new Machine({ text, info: { PAGE_BUDDY_MAPCOUNT_VALUE: -129, PAGE_OFFLINE_MAPCOUNT_VALUE: -257 } });
  machine.set(64, { page_type: ~0x80, private: 1 }).set(65, { page_type: -1 });
  machine.set(66, { page_type: ~0x100, _refcount: 1 }).set(67, { page_type: ~0x400, _refcount: 1 });
  machine.set(68, { page_type: ~0x200, _refcount: 1 });
  const facts = machine.facts();

  test.each([
    [64, ['free', 'buddy', 0, 0, null, 0]],
    [65, ['free', 'buddy', 0, 0, null, 0]],
    [66, ['offline', 'offline', 0, 0, null, 0]],
    [67, ['page-table', 'pgtable', 0, 0, null, 0]],
    [68, ['kernel', '', 0, 0, null, 0]],
  ])('frame %i', (frame, expected) => {
    expect(told(facts, frame)).toEqual(expected);
  });
});

describe('6.1: huge pages, and tails whose struct pages are copies of the first ones', () => {
  const machine = new Machine({
    text: `${page(DTOR)}\n${folio('  int _pad')}\n${FLAGS_61}`,
    info: { HUGETLB_PAGE_DTOR: 2 },
  });
  machine.set(512, { flags: 1 << 16, _refcount: 3, page_type: -1, mapping: ANON });
  for (let i = 513; i < 576; i++) machine.set(i, { compound_head: machine.address(512) + 1n, page_type: -1 });
  machine.set(513, { compound_dtor: 2, compound_order: 9, compound_mapcount: 1 });
  for (let i = 576; i < 1024; i += 64) machine.copy(i, 512);
  // A transparent huge page of which one process maps the whole, and one only some pages (PG_double_map).
  machine.set(1024, { flags: (1 << 16) | (1 << 4) | (1 << 19), _refcount: 4, mapping: ANON, _mapcount: 1 });
  for (let i = 1025; i < 1536; i++)
    machine.set(i, { compound_head: machine.address(1024) + 1n, _mapcount: i < 1027 ? 1 : 0 });
  machine.set(1025, { compound_order: 9, compound_mapcount: 0, flags: 1 << 6 });
  const facts = machine.facts();
  const huge = 'compound_head,huge';

  test.each([
    ['the head', 512, ['hugetlb', `mmap,anonymous,${huge}`, 2, 2, 512, 9]],
    ['the first tail', 513, ['hugetlb', 'mmap,anonymous,compound_tail,huge', 2, 2, 512, 9]],
    ['a tail that looks like the head', 576, ['hugetlb', 'mmap,anonymous,compound_tail,huge', 2, 2, 512, 9]],
    [
      'a tail after it, which has the address of the head',
      641,
      ['hugetlb', 'mmap,anonymous,compound_tail,huge', 2, 2, 512, 9],
    ],
    ['the last tail', 1023, ['hugetlb', 'mmap,anonymous,compound_tail,huge', 2, 2, 512, 9]],
    ['a page that two map', 1026, ['anonymous', 'mmap,anonymous,compound_tail,thp', 2, 4, 1024, 9]],
    ['a page that one maps', 1027, ['anonymous', 'mmap,anonymous,compound_tail,thp', 1, 4, 1024, 9]],
  ])('%s', (_, frame, expected) => {
    expect(told(facts, frame)).toEqual(expected);
  });
});

describe('6.6: the order in the flags of the first tail, hugetlb by its type', () => {
  const text = `${page('')}\n${folio('  int _entire_mapcount\n  int _nr_pages_mapped\n  int _pincount')}\n${FLAGS_66}`;
  const machine = new Machine({
    text,
    info: { PAGE_BUDDY_MAPCOUNT_VALUE: -129, PAGE_HUGETLB_MAPCOUNT_VALUE: ~0x800 },
  });
  const tails = (head: number, order: number) => {
    for (let i = 1; i < 2 ** order; i++)
      machine.set(head + i, { compound_head: machine.address(head) + 1n, _mapcount: free });
    machine.set(head, { _flags_1: order }, 'folio');
  };
  machine.set(128, { flags: (1 << 6) | (1 << 5) | (1 << 19), _refcount: 3, mapping: ANON, _mapcount: free });
  tails(128, 2);
  machine.set(128, { _entire_mapcount: free, _nr_pages_mapped: 2, _pincount: 7 }, 'folio');
  machine.set(129, { _mapcount: 0 }).set(130, { _mapcount: 1 });
  machine.set(512, { flags: 1 << 6, _refcount: 1, page_type: ~0x800 });
  tails(512, 9);
  machine.set(512, { _entire_mapcount: 0 }, 'folio');
  const facts = machine.facts();

  test.each([
    [128, ['anonymous', 'lru,mmap,anonymous,swapbacked,compound_head,thp', 0, 3, 128, 2]],
    [129, ['anonymous', 'mmap,anonymous,compound_tail,thp', 1, 3, 128, 2]],
    [130, ['anonymous', 'mmap,anonymous,compound_tail,thp', 2, 3, 128, 2]],
    [512, ['hugetlb', 'mmap,compound_head,huge', 1, 1, 512, 9]],
    [700, ['hugetlb', 'mmap,compound_tail,huge', 1, 1, 512, 9]],
  ])('frame %i', (frame, expected) => {
    expect(told(facts, frame)).toEqual(expected);
  });

  test('pins of a compound page are counted in it; the order is not given names of flags', () => {
    expect(facts.look(130).pins).toBe(7);
    expect(facts.look(129).flagNames).toEqual([]);
  });
});

describe('7.1 and later: a mask leads to the head; pages without mapcounts of their own', () => {
  const members = '  int _large_mapcount\n  int _nr_pages_mapped\n  int _entire_mapcount\n  int _pincount';
  const text = `${page('', 'compound_info')}\n${folio(members)}\npage_snapshot {\n  u64 pfn\n}\n${FLAGS_618}\n${TYPES_618}`;
  const machine = new Machine({ text });
  machine.set(512, { flags: (1 << 6) | (1 << 5) | (1 << 17), _refcount: 512, mapping: ANON + 2n, _mapcount: free });
  for (let i = 513; i < 1024; i++) machine.set(i, { compound_info: -(512n * 64n) | 1n, _mapcount: free });
  machine.set(512, { _flags_1: 9 | (1 << 9), _large_mapcount: 600, _entire_mapcount: 0, _nr_pages_mapped: 0 }, 'folio');
  // A page table of two pages, of which only the head has the type.
  machine.set(64, { flags: 1 << 6, page_type: 0xf2000000, _refcount: 1 });
  machine
    .set(65, { compound_info: -(2n * 64n) | 1n, _mapcount: free })
    .set(64, { _flags_1: 1, _large_mapcount: free }, 'folio');
  const facts = machine.facts();
  const thp = 'lru,mmap,anonymous,swapbacked';

  test.each([
    [
      'the average, rounded, and the mapping of the whole',
      512,
      ['ksm', `${thp},compound_head,ksm,thp`, 2, 601, 512, 9],
    ],
    ['the same in the last tail', 1023, ['ksm', `${thp},compound_tail,ksm,thp`, 2, 601, 512, 9]],
    ['a tail of a page table', 65, ['page-table', 'compound_tail,pgtable', 1, 0, 64, 1]],
  ])('%s', (_, frame, expected) => {
    expect(told(facts, frame)).toEqual(expected);
  });
});

describe('damage', () => {
  const text = `${page(DTOR)}\n${folio('  int _pad')}\n${FLAGS_61}`;

  test.each([
    ['outside the memory', { compound_head: VMEMMAP - 63n }],
    ['between struct pages', { compound_head: VMEMMAP + 33n }],
    ['that is too far away', { compound_head: VMEMMAP + 1n }],
    ['that follows the tail', { compound_head: VMEMMAP + 64n * 900n + 1n }],
  ])('a head %s is not believed', (_, values) => {
    const machine = new Machine({ text });
    machine.set(0, { flags: 1 << 16 }).set(1, { compound_order: 2 });
    const { kind, problems } = machine.set(700, values).facts().look(700);
    expect([kind, problems.length]).toEqual(['unknown', 1]);
  });

  test.each([0, 19, 255])('a compound page of order %i is not believed', (order) => {
    const machine = new Machine({ text });
    machine.set(512, { flags: 1 << 16 }).set(513, { compound_order: order, compound_head: machine.address(512) + 1n });
    expect(machine.facts().look(512).kind).toBe('unknown');
  });
});
