// SPDX-License-Identifier: Apache-2.0
import type { Pfn, Vpn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';
import { endAt, LEADS_ON, leafFrame, tableFrame, Walk } from './entry.js';
import { type PagingForm, PRESENT } from './form.js';

export { Walk } from './entry.js';

const NOTHING = -1;

/**
 * Walks x86-64 page tables of 4 or 5 levels. An object can be used for many walks: the answer is in its fields until
 * the next walk. It keeps the last table of each level, so that neighbouring pages cost one entry each.
 */
export class PageWalker {
  /** Mapped: the page's frame. Otherwise: the frame of the table at `level`, which may be missing. */
  frame = 0 as Pfn;
  /** Level where the walk ended; 0 is the PTE. */
  level = 0;
  /** Whether the leaf was PROT_NONE, or being split: the page is in memory, the entry is marked not present. */
  protNone = false;
  /** Raw entries and the frames of their tables, by level; valid from `top` down to `level`. */
  readonly lo = new Uint32Array(5);
  readonly hi = new Uint32Array(5);
  readonly tables = new Float64Array(5);
  readonly top: number;

  readonly #memory: FrameSource;
  readonly #form: PagingForm;
  readonly #views: (DataView | null)[] = [null, null, null, null, null];
  /** The 512 pages that a PTE table covers, as page / 512, of the last walk; NOTHING if not known. */
  #group = NOTHING;
  #root = NOTHING as Pfn;
  #status: Walk = Walk.Empty;

  constructor(memory: FrameSource, form: PagingForm) {
    this.#memory = memory;
    this.#form = form;
    this.top = form.levels - 1;
    this.tables.fill(NOTHING);
  }

  /** Walks to a page; `root` is the frame of the top table. Exceptions of the `FrameSource` pass through. */
  walk(root: Pfn, page: Vpn): Walk {
    const group = Math.floor(page / 512);
    if (group === this.#group && root === this.#root) return this.#again(group, page);
    // Reading a table may throw; then nothing of this walk must be reused.
    this.#group = NOTHING;
    this.#status = this.#descend(root, page);
    this.#group = group;
    this.#root = root;
    return this.#status;
  }

  /** Drops the tables that are kept. */
  forget(): void {
    this.#group = NOTHING;
    this.tables.fill(NOTHING);
  }

  /** Physical address, in bytes, of the entry for `page` that was read at a level. */
  entryAddress(level: number, page: Vpn): number {
    return (this.tables[level] as number) * 4096 + (Math.floor(page / 512 ** level) % 512) * 8;
  }

  /** The table that was last read at a level; null if it is missing. */
  view(level: number): DataView | null {
    return this.#views[level] as DataView | null;
  }

  /** A page of the same group as the last one: only the PTE can differ. */
  #again(group: number, page: Vpn): Walk {
    if (this.level === 0 && this.#status !== Walk.TableMissing) {
      this.frame = this.tables[0] as Pfn;
      this.#status = this.#read(0, this.#views[0] as DataView, page - group * 512, page) as Walk;
    } else if (this.#status === Walk.Mapped) {
      const pages = 512 ** this.level;
      this.frame = (this.frame - (this.frame % pages) + (page % pages)) as Pfn;
    }
    return this.#status;
  }

  #descend(root: Pfn, page: Vpn): Walk {
    // 2^27 is three 9-bit indices: one division leaves two halves that fit 32-bit arithmetic.
    const high = Math.floor(page / 0x8000000);
    const low = page - high * 0x8000000;
    this.frame = root;
    for (let level = this.top; ; level--) {
      this.level = level;
      const view = this.#table(level);
      if (view === null) return Walk.TableMissing;
      const index = (level >= 3 ? high >>> (9 * (level - 3)) : low >>> (9 * level)) & 511;
      const end = this.#read(level, view, index, page);
      if (end !== LEADS_ON) return end;
    }
  }

  /** Reads an entry, and sets `frame` to the frame that it points to. */
  #read(level: number, view: DataView, index: number, page: Vpn): Walk | typeof LEADS_ON {
    const lo = view.getInt32(index * 8, true);
    const hi = view.getInt32(index * 8 + 4, true);
    this.lo[level] = lo;
    this.hi[level] = hi;
    const end = endAt(level, lo, hi);
    if (end === LEADS_ON) this.frame = tableFrame(lo, hi, this.#form) as Pfn;
    else if (end === Walk.Mapped) {
      const first = leafFrame(level, lo, hi, this.#form);
      this.frame = (level === 0 ? first : first + (page % 512 ** level)) as Pfn;
      this.protNone = (lo & PRESENT) === 0;
    }
    return end;
  }

  /** The table at `frame`. The one read last at this level is kept. */
  #table(level: number): DataView | null {
    if (this.tables[level] === this.frame) return this.#views[level] as DataView | null;
    this.tables[level] = NOTHING;
    const view = this.#memory.frame(this.frame);
    this.tables[level] = this.frame;
    this.#views[level] = view;
    return view;
  }
}
