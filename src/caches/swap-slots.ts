// SPDX-License-Identifier: Apache-2.0
// The arrays of the swap cache, by era.
import { readOf } from '../core/memory.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import { xaNodes, xarrayEntries } from '../kernel/containers/xarray.js';
import type { Host } from '../kernel/host.js';
import type { Swap } from '../kernel/swap.js';
import { lengthOf } from '../kernel/swap-kinds.js';
import { resolve, resolveIfPresent } from '../types/fields.js';
import type { Folios } from './folios.js';
import { addressSpaceFields, swapClusterFields, swapClustersFields, swapTableFields } from './structs.js';
import type { EntryForm, SwapPosition } from './swap-entries.js';

/** Slots that are read together. A cluster and an address_space have a multiple of it. */
export const GROUP = 64;
/** Slots of a swap area in one address_space (SWAP_ADDRESS_SPACE_PAGES, mm/swap.h). */
const IN_SPACE = 2 ** 14;

/** One array of entries by place in swap. */
export interface Slots {
  /** The entries of `GROUP` slots, 0 for one without. Throws `DumpError` if they can't be read. */
  group(first: SwapPosition): BigUint64Array;
  /** Address of the struct page that an entry names; null for one that only says that a page was in the cache. */
  readonly pageOf: (entry: bigint) => bigint | null;
}

type Find = (position: SwapPosition) => bigint | null;

/** Frames have 40 bits. Above them are flags: the number of users, and whether the page is all zeros. */
const FRAME = (1n << 40n) - 1n;

const NONE = new BigUint64Array(GROUP);

/** The arrays that this kernel can have. Of all that are returned only one has entries. */
export function slotsOf(host: Host, swap: Swap, folios: Folios, form: EntryForm): readonly Slots[] {
  const { entryOf } = form;
  const clusters = resolveIfPresent(host.types, swapClusterFields);
  if (clusters !== null && clusters.table !== null) return [tables(host, swap, folios)];
  const { symbols } = host;
  // A search for a symbol that does not exist reads all names, so the newer one comes first.
  const spaces = symbols.get('swapper_spaces');
  if (spaces === undefined) {
    const single = symbols.get('swapper_space');
    return single === undefined ? [] : [new Trees(host, form, () => single, entryOf)];
  }
  const { space } = resolve(host.types, { space: addressSpaceFields });
  const count = lengthOf(symbols, 'swapper_spaces', 8) ?? 0;
  // An array of structures (v3.9 to v4.10), each many words long, or of pointers.
  if (count >= 16 * (space.bytes / 8))
    return [new Trees(host, form, ({ type }) => spaces + BigInt(type * space.bytes), entryOf)];
  const bytes = BigInt(space.bytes);
  const spaceOf = ({ type, offset }: SwapPosition): bigint | null => {
    const array = pointerAt(host.memory, spaces + BigInt(type * 8), 'swapper_spaces');
    return array === 0n ? null : array + BigInt(Math.floor(offset / IN_SPACE)) * bytes;
  };
  return [
    // v4.19 to v6.10 (also in kernels of RHEL 8).
    new Trees(host, form, spaceOf, ({ offset }) => BigInt(offset)),
    // Since Linux commit 7aad25b4b49f ("mm: drop page_index and simplify folio_index") or one beside it (seen in 6.12).
    new Trees(host, form, spaceOf, ({ offset }) => (offset < IN_SPACE ? null : BigInt(offset % IN_SPACE))),
    // Before (v4.11, kernels of RHEL 7).
    new Trees(host, form, spaceOf, (position) => (position.type === 0 ? null : entryOf(position))),
  ];
}

/** An array of trees (struct address_space). */
class Trees implements Slots {
  readonly pageOf: Slots['pageOf'];
  readonly #host: Host;
  readonly #spaceOf: Find;
  readonly #indexOf: Find;

  /** `indexOf`: the index of a place; null if another array has the same index for it. */
  constructor(host: Host, form: EntryForm, spaceOf: Find, indexOf: Find) {
    this.pageOf = (entry) => (entry === 0n || form.valueOf(entry) !== null ? null : entry);
    this.#host = host;
    this.#spaceOf = spaceOf;
    this.#indexOf = indexOf;
  }

  group(first: SwapPosition): BigUint64Array {
    const { memory, types } = this.#host;
    const [space, index] = [this.#spaceOf(first), this.#indexOf(first)];
    if (space === null || index === null) return NONE;
    const { pages } = resolve(types, { space: addressSpaceFields }).space;
    const head = readOf(memory, space + BigInt(pages.offset), 8, 'address_space of swap').u64(0);
    if (head === 0n) return NONE;
    const group = new BigUint64Array(GROUP);
    const last = index + BigInt(GROUP - 1);
    for (const { index: from, last: to, entry } of xarrayEntries(memory, xaNodes(types), head, index, last))
      group.fill(entry, Math.max(Number(from - index), 0), Number(to - index) + 1);
    return group;
  }
}

/** A table for each cluster of slots. */
function tables(host: Host, swap: Swap, folios: Folios): Slots {
  return {
    pageOf(entry) {
      if ((entry & 3n) === 2n) return folios.addressOf(Number((entry >> 2n) & FRAME));
      // A pointer in 6.18. Bad slots have an entry that is not one.
      return (entry & 1n) === 1n || folios.frameOf(entry) === null ? null : entry;
    },
    group: (first) => tableEntries(host, swap, first, GROUP) ?? NONE,
  };
}

/**
 * Entries of the table of a cluster from a place in swap on (mm/swap_table.h); null if the cluster does not have a table, or
 * this kernel none. Throws `DumpError` if they can't be read.
 */
export function tableEntries(
  { memory, types }: Host,
  swap: Swap,
  { type, offset }: SwapPosition,
  count: number,
): BigUint64Array | null {
  const cluster = resolveIfPresent(types, swapClusterFields);
  if (cluster === null || cluster.table === null) return null;
  const at = resolve(types, { info: swapClustersFields, table: swapTableFields });
  const info = swap.infoOf(type);
  if (info === null || at.info.clusters === null) return null;
  const inTable = at.table.entries.count;
  const array = pointerAt(memory, info + BigInt(at.info.clusters.offset), 'swap_info_struct');
  const place = array + BigInt(Math.floor(offset / inTable) * cluster.bytes);
  const entries = pointerAt(memory, place + BigInt(cluster.table.offset), 'swap_cluster_info');
  if (entries === 0n) return null;
  const bytes = readOf(memory, entries + BigInt((offset % inTable) * 8), count * 8, 'swap_table');
  return BigUint64Array.from({ length: count }, (_, i) => bytes.u64(i * 8));
}
