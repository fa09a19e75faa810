// SPDX-License-Identifier: Apache-2.0
// Free pages: the buddy lists, and the lists of each processor (mm/page_alloc.c).
import { orNull } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { listLinks } from '../kernel/containers/list.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import type { Host } from '../kernel/host.js';
import { resolve, resolveIfPresent, valuesOf } from '../types/fields.js';
import { ifAnswered } from '../types/source.js';
import type { PageLayout } from './compound.js';
import type { FlagBits } from './flag-bits.js';
import { hasType, type PageTypes } from './page-types.js';
import type { StructPages } from './struct-pages.js';
import { migrateTypes, pageListsFields, pageSetFields, zoneFields } from './structs.js';
import { zonesOf } from './zones.js';

/** Number of orders in the buddy lists, if VMCOREINFO does not have it (MAX_ORDER, NR_PAGE_ORDERS). */
const ORDERS = 11;
/** Order of the huge pages that processors keep, after the lists of orders 0 to 3 (PAGE_ALLOC_COSTLY_ORDER). */
const HUGE_ORDER = 9;
const LOW_ORDERS = 4;
/** MIGRATE_PCPTYPES: unmovable, movable, reclaimable. */
const LIST_TYPES = 3;
/** Most processors of x86-64 (NR_CPUS). */
const MOST_CPUS = 8192;
/** Most pages in one list of a processor; batches are far smaller. */
const MOST_PAGES = 0x100000;

/** Finds free pages. */
export class FreePages {
  readonly #host: Host;
  readonly #orders: number;
  /** The block of the buddy lists that was found last. */
  #first = 0;
  #end = 0;
  #listed: ReadonlySet<number> | null = null;

  constructor(
    host: Host,
    readonly pages: StructPages,
    readonly layout: PageLayout,
    readonly bits: FlagBits,
    readonly types: PageTypes,
  ) {
    this.#host = host;
    this.#orders = host.info.length('zone.free_area') ?? ORDERS;
  }

  /** Drops what was read, for memory that changes. */
  forget(): void {
    [this.#first, this.#end] = [0, 0];
    this.#listed = null;
  }

  /** Whether a struct page is the first one of a block in the buddy lists. */
  isBuddy(flags: number, word: number): boolean {
    return (flags & this.bits.buddy) !== 0 || hasType(word, this.types.buddy);
  }

  /** Whether a frame is in a block of the buddy lists (is_free_buddy_page). Moves the cursor of `pages`. */
  isInBlock(frame: number): boolean {
    if (frame >= this.#first && frame < this.#end) return true;
    for (let order = 0; order < this.#orders; order++) {
      const size = 2 ** order;
      const head = frame - (frame % size);
      if (this.pages.find(head) !== 'there') continue;
      const { view, at } = this.pages;
      const { flags, mapcount, private: order64 } = this.layout;
      if (!this.isBuddy(view.getUint32(at + flags.offset, true), view.getInt32(at + mapcount.offset, true))) continue;
      const found = view.getUint32(at + order64.offset, true);
      if (found < order || found >= this.#orders) continue;
      this.#first = head;
      this.#end = head + 2 ** found;
      return true;
    }
    return false;
  }

  /** Whether a frame is in a list of free pages that a processor keeps for itself. */
  isListed(frame: number): boolean {
    this.#listed ??= this.#readLists();
    return this.#listed.has(frame);
  }

  #readLists(): ReadonlySet<number> {
    const frames = new Set<number>();
    // A list that was just being changed, or can't be read, is not known.
    for (const list of orNull(() => [...this.#lists()]) ?? [])
      orNull(() => {
        for (const link of listLinks(this.#host.memory, list.head, MOST_PAGES, 'free pages of a processor')) {
          const frame = this.pages.map.frameOf(link - BigInt(this.layout.lru.offset));
          if (frame !== null) for (let i = 0; i < 2 ** list.order; i++) frames.add(frame + i);
        }
      });
    return frames;
  }

  /** The lists of all zones and processors, and the order of their pages. */
  *#lists(): Generator<{ head: bigint; order: number }> {
    const { types, memory } = this.#host;
    const at = resolveIfPresent(types, pageListsFields);
    const { zone } = resolve(types, { zone: zoneFields });
    const set = resolveIfPresent(types, pageSetFields);
    if (at === null || zone.lists === null || zone.lists.kind !== 'pointer') return;
    const inside = BigInt((set?.lists.offset ?? 0) + at.lists.offset);
    const kinds = ifAnswered(() => valuesOf(types, migrateTypes))?.get('MIGRATE_PCPTYPES') ?? LIST_TYPES;
    for (const each of zonesOf(this.#host)) {
      const base = orNull(() => pointerAt(memory, each.address + BigInt(zone.lists?.offset ?? 0), 'zone')) ?? 0n;
      if (base === 0n) continue;
      for (const offset of this.#cpus())
        for (let i = 0; i < at.lists.count; i++) {
          const order = i < kinds * LOW_ORDERS ? Math.floor(i / kinds) : HUGE_ORDER;
          yield { head: BigInt.asUintN(64, base + offset) + inside + BigInt(i * 16), order };
        }
    }
  }

  /** The offsets of the per-CPU memory of all processors. */
  #cpus(): readonly bigint[] {
    const { symbols, memory } = this.#host;
    const [table, number] = [symbols.get('__per_cpu_offset'), symbols.get('nr_cpu_ids')];
    if (table === undefined || number === undefined) return [];
    const count = Math.min(readOf(memory, number, 4, 'nr_cpu_ids').u32(0), MOST_CPUS);
    const bytes = readOf(memory, table, count * 8, '__per_cpu_offset');
    return Array.from({ length: count }, (_, i) => bytes.u64(i * 8));
  }
}
