// SPDX-License-Identifier: Apache-2.0
// Page caches and swap caches of a synthetic kernel, in the forms of several eras.
import { SyntheticHost } from './host.js';
import { type EraOfMappings, eras } from './mappings.js';
import { XARRAYS } from './small-kernel.js';
import { ArrayWriter, type FormName, type Stored } from './xarray.js';

/** Frames that have a struct page. */
const FRAMES = 0x2000;

/** How a kernel keeps pages in caches. */
export interface CacheEra {
  readonly types: string;
  readonly array: FormName;
  /** Link from a tail page to its head. */
  readonly link: 'compound_head' | 'compound_info';
  /** Bits of a swap entry below its type. */
  readonly shift: bigint;
}

const FILE = `super_block {
  pad 8
  ptr s_type
  ptr s_fs_info
}
file_system_type {
  ptr name
}
inode {
  pad 16
  ptr i_sb
}
hstate {
  u32 order
}
hugetlbfs_sb_info {
  pad 8
  ptr hstate
}
`;
const PAGE = `page {
  u64 flags
  union {
    struct {
      pad 16
      ptr mapping
      u64 index
      u64 private
    }
    u64 compound_head
  }
  u32 _mapcount
  u32 _refcount
  pad 8
}
`;
const SPACE = `address_space {
  ptr host
  struct xarray i_pages
}
`;
const FLAGS =
  'enum pageflags { PG_locked=0, PG_uptodate=3, PG_swapcache=10, PG_anon_exclusive=11, PG_hwpoison=20, __NR_PAGEFLAGS=22 }';
const files = (text: string): string =>
  text
    .replace('  struct path f_path\n}', '  struct path f_path\n  ptr f_mapping\n}')
    .replace(/enum pageflags .*/, FLAGS);
const NEW = files((eras['a maple tree'] as EraOfMappings).types);
const RADIX = `radix_tree_root {
  u32 gfp_mask
  ptr rnode
}
radix_tree_node {
  u8 shift
  u8 offset
  u8 count
  u8 exceptional
  ptr parent
  ptr root
  pad 16
  ptr slots[64]
  u64 tags[3]
}
`;

export const ERAS = {
  'an XArray': { types: NEW + FILE + PAGE + SPACE, array: '4.20', link: 'compound_head', shift: 58n },
  'tables of swap, masks in tail pages': {
    types:
      `${NEW}${FILE}${PAGE.replace('compound_head', 'compound_info').replace('u64 index', 'u64 __folio_index')}${SPACE}
swap_cluster_info {
  u32 lock
  ptr table
}
swap_table {
  u64 entries[512]
}
`.replace('  u32 max\n  ptr swap_file', '  u32 max\n  ptr swap_file\n  ptr cluster_info'),
    array: '4.20',
    link: 'compound_info',
    shift: 58n,
  },
  'a radix tree': {
    types: (NEW + FILE + PAGE + SPACE)
      .replace(XARRAYS, RADIX)
      .replace('struct xarray idr_rt', 'struct radix_tree_root idr_rt')
      .replace('  struct xarray mem_attr_array\n', '')
      .replace('struct xarray i_pages', 'struct radix_tree_root i_pages'),
    array: '4.14',
    link: 'compound_head',
    shift: 57n,
  },
} satisfies Readonly<Record<string, CacheEra>>;

/** A kernel with struct pages, files and caches. */
export class CacheHost extends SyntheticHost {
  readonly arrays: ArrayWriter;
  /** Address of the struct page of frame 0. */
  readonly vmemmap: bigint;
  readonly #spaces: bigint;

  constructor(readonly era: CacheEra) {
    super({ types: era.types, swapFiles: 24, ballast: 40 });
    this.arrays = new ArrayWriter(this, era.array);
    // Aligned like the real one: masks in tail pages depend on it.
    this.vmemmap = this.allocate(FRAMES * 64, BigInt(FRAMES * 64));
    // Symbols are in the kernel's image, where the page of linux_banner has room.
    this.symbol('Dvmemmap_base', this.at('linux_banner') + 0x400n);
    this.u64(this.at('vmemmap_base'), this.vmemmap);
    this.#spaces = this.at('linux_banner') + 0x800n;
    if (era.array !== '4.20' || era.link === 'compound_head') {
      this.symbol('bswapper_spaces', this.#spaces);
      this.symbol('bafter_swapper_spaces', this.#spaces + 24n * 8n);
    }
  }

  /** Address of the struct page of a frame. */
  pageAt(frame: number): bigint {
    return this.vmemmap + BigInt(frame * 64);
  }

  /** Makes the page, or the compound page of 2^order pages, at a frame. */
  page(
    frame: number,
    values: { mapping?: bigint; index?: number; private?: bigint; flags?: number; order?: number; count?: number },
  ): bigint {
    const { mapping = 0n, index = 0, private: own = 0n, flags = 8, order = 0, count = 1 } = values;
    const head = this.pageAt(frame);
    const indexed = this.era.link === 'compound_info' ? '__folio_index' : 'index';
    this.set('page', head, { flags, mapping, [indexed]: index, private: own, _refcount: count });
    const info = this.era.link === 'compound_head' ? head | 1n : (~(64n * 2n ** BigInt(order) - 1n) & MASK) | 1n;
    for (let i = 1; i < 2 ** order; i++) this.set('page', this.pageAt(frame + i), { [this.era.link]: info });
    return head;
  }

  /** A file with this page cache, on a file system of this type. `huge`: order of its pages. */
  cachedFile(system: string, huge: number | null = null): { file: bigint; mapping: bigint } {
    const name = this.allocate(system.length + 1);
    this.write(name, Buffer.from(`${system}\0`, 'latin1'));
    const hstate =
      huge === null ? 0n : this.make('hugetlbfs_sb_info', { hstate: this.make('hstate', { order: huge }) });
    const block = this.make('super_block', { s_type: this.make('file_system_type', { name }), s_fs_info: hstate });
    const mapping = this.make('address_space', { host: this.make('inode', { i_sb: block }) });
    return { file: this.make('file', { f_mapping: mapping }), mapping };
  }

  /** Sets the pages of a file. */
  cache(mapping: bigint, entries: readonly Stored[]): void {
    this.set('address_space', mapping, { [this.#head]: this.arrays.head(entries) });
  }

  /** The entry of a shared memory's page that is in swap. */
  swapValue(type: number, offset: number): bigint {
    return this.arrays.form.value(this.swapEntry(type, offset));
  }

  /** A swap entry as it is in struct pages. */
  swapEntry(type: number, offset: number): bigint {
    return (BigInt(type) << this.era.shift) | BigInt(offset);
  }

  /** swapper_spaces, one pointer for each type. */
  swapSpaces(type: number, spaces: readonly (readonly Stored[])[]): void {
    const bytes = this.layouts.size('address_space');
    const array = this.allocate(bytes * spaces.length);
    this.u64(this.#spaces + BigInt(type * 8), array);
    spaces.forEach((entries, i) => {
      this.set('address_space', array + BigInt(i * bytes), { [this.#head]: this.arrays.head(entries) });
    });
  }

  /** The table of a cluster of slots of a swap area. */
  swapTable(info: bigint, clusters: readonly ReadonlyMap<number, bigint>[]): void {
    const bytes = this.layouts.size('swap_cluster_info');
    const array = this.allocate(bytes * clusters.length);
    this.set('swap_info_struct', info, { cluster_info: array });
    clusters.forEach((entries, i) => {
      const table = entries.size === 0 ? 0n : this.make('swap_table');
      this.set('swap_cluster_info', array + BigInt(i * bytes), { table });
      for (const [slot, entry] of entries) this.u64(table + BigInt(slot * 8), entry);
    });
  }

  get #head(): string {
    return this.era.array === '4.20' ? 'i_pages.xa_head' : 'i_pages.rnode';
  }
}

const MASK = (1n << 64n) - 1n;
