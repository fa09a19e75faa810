// SPDX-License-Identifier: Apache-2.0
import { type Lost, orLost } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { NodeMap } from '../kernel/node-map.js';
import { flagNames } from '../kernel/page.js';
import { resolve, valuesOf } from '../types/fields.js';
import { describes, ifAnswered } from '../types/source.js';
import { Compound, type PageLayout } from './compound.js';
import { type FlagBits, flagBitsOf } from './flag-bits.js';
import { FreePages } from './free-pages.js';
import { Heads } from './heads.js';
import { Mappings } from './mappings.js';
import { Memcgs } from './memcg.js';
import { memMapOf } from './memmap.js';
import { type PageTypes, pageTypesOf } from './page-types.js';
import { StructPages } from './struct-pages.js';
import { nodeCounters, structPageFields } from './structs.js';
import { SwapCache } from './swap-cache.js';
import { type ZeroPages, zeroPagesOf } from './zero-pages.js';
import { ZoneMap, zonesIfKnown } from './zones.js';

/** Flags of the first tail that are about the compound page (include/linux/page-flags.h, PF_SECOND, FOLIO_SECOND_PAGE). */
const OF_THE_WHOLE = ['double_map', 'has_hwpoisoned', 'large_rmappable', 'partially_mapped'];
/** Most sets of names that are remembered. */
const MOST_NAMES = 0x4000;

/** What is needed to read the facts of a host's pages. */
export class PageReader {
  readonly layout: PageLayout;
  readonly bits: FlagBits;
  readonly types: PageTypes;
  readonly pages: StructPages;
  readonly compound: Compound;
  readonly free: FreePages;
  readonly memcgs: Memcgs;
  readonly mappings: Mappings;
  readonly swapCache: SwapCache;
  readonly nodes: NodeMap | null;
  readonly zones: ZoneMap;
  /** Whether fs/proc/page.c takes most flags from the head, since v6.10, which also made PG_slab a type. */
  readonly isFolio: boolean;
  /** Whether it takes the types from the head too. */
  readonly isSnapshot: boolean;
  /**
   * Whether it marks all pages of a free block, and all of a slab, not only the first: since v4.6. The structures are those
   * of v4.5 still; those of v4.7 have _refcount.
   */
  readonly marksAll: boolean;
  /** Whether PG_idle is that of the head (page_is_idle), since there are folios. */
  readonly idleOfHead: boolean;
  /** Whether pins are counted, since v5.7 (NR_FOLL_PIN_ACQUIRED). */
  readonly countsPins: boolean;
  readonly zero: ZeroPages;
  /** What is not known of any page, and why. */
  readonly problems: string[] = [];
  readonly heads: Heads;
  /** Offset of memcg_data or mem_cgroup; -1 if there is none. */
  readonly memcgAt: number;
  readonly #names = new Map<number, readonly string[]>();
  readonly #tailNames = new Map<number, readonly string[]>();
  readonly #flagNames: readonly (readonly [string, number])[];
  readonly #allFlags: number;

  constructor(host: Host) {
    const { types, memory } = host;
    const { page } = resolve(types, { page: structPageFields });
    this.layout = page;
    this.bits = flagBitsOf(host);
    this.types = pageTypesOf(host);
    this.pages = new StructPages(memory, memMapOf(host, page), page.bytes);
    this.compound = new Compound(host, this.pages, page, this.bits, this.types);
    this.free = new FreePages(host, this.pages, page, this.bits, this.types);
    this.memcgs = new Memcgs(host);
    this.mappings = new Mappings(host);
    this.swapCache = new SwapCache(host);
    const lost =
      (what: string): Lost =>
      ({ message }) => {
        this.problems.push(`${what}: ${message}`);
      };
    this.nodes = orLost(lost('NUMA node'), () => new NodeMap(host));
    this.zones = new ZoneMap(host, zonesIfKnown(host, lost('zone')), (frame) => this.#upperFlags(frame));
    this.isFolio = this.bits.slab === 0 && describes(types, 'folio');
    this.isSnapshot = describes(types, 'page_snapshot');
    this.marksAll = page.refcount !== null;
    this.idleOfHead = describes(types, 'folio');
    this.countsPins = ifAnswered(() => valuesOf(types, nodeCounters))?.has('NR_FOLL_PIN_ACQUIRED') ?? false;
    this.zero = zeroPagesOf(host, this.pages.map);
    this.heads = new Heads(this.pages, page, this.bits);
    this.memcgAt = (page.memcgData ?? page.memCgroup)?.offset ?? -1;
    this.#flagNames = [...flagNames(host)].flatMap(([name, mask]) =>
      mask < 1n << 32n ? [[name, Number(mask) | 0] as const] : [],
    );
    this.#allFlags = this.#flagNames.reduce((sum, [, mask]) => sum | mask, 0);
  }

  /** Names of the flags that are set. The same array for the same flags. `isFirstTail`: in the first tail of a compound page. */
  flagNames(flags: number, isFirstTail: boolean): readonly string[] {
    const known = isFirstTail ? this.#tailNames : this.#names;
    const key = flags & this.#allFlags;
    let names = known.get(key);
    if (names === undefined) {
      if (known.size >= MOST_NAMES) known.clear();
      names = isFirstTail ? this.#firstTail(key) : this.#namesOf(key);
      known.set(key, names);
    }
    return names;
  }

  #namesOf(flags: number): readonly string[] {
    return this.#flagNames.filter(([, mask]) => (flags & mask) !== 0).map(([name]) => name);
  }

  /** The first tail has some flags of the whole in place of its own, and since v6.6 the order in the lowest byte. */
  #firstTail(flags: number): readonly string[] {
    const own = this.compound.hasOrderInFlags ? flags & ~0xff : flags;
    const masks = OF_THE_WHOLE.map((name) => this.bits.mask(`PG_${name}`));
    const set = OF_THE_WHOLE.filter((_, i) => (own & (masks[i] as number)) !== 0);
    return [...this.#namesOf(own & ~masks.reduce((sum, mask) => sum | mask, 0)), ...set];
  }

  /** Drops what was read, for memory that changes. */
  forget(): void {
    this.pages.forget();
    this.free.forget();
    this.memcgs.forget();
    this.mappings.forget();
  }

  #upperFlags(frame: number): number | null {
    if (this.pages.find(frame) !== 'there') return null;
    return this.pages.view.getUint32(this.pages.at + this.layout.flags.offset + 4, true);
  }
}
