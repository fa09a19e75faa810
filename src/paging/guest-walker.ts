// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, pfn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';
import { isLinear, type Paging, TABLES, type TableForm } from './architecture.js';
import { PRESENT, PSE } from './form.js';

/** An entry that a walk read. */
export interface GuestStep {
  /** Name of its table, as in the processor's manuals. */
  readonly table: string;
  /** Physical address of the entry, in bytes. */
  readonly address: number;
  readonly hi: number;
  readonly lo: number;
}

/**
 * How a walk ended: at a page; at an address that the mode does not have; at an entry; before a table; or in a top table without a
 * present entry, which does not even map the code that ran.
 */
export type GuestFault = 'noncanonical' | 'not-present' | 'reserved' | 'table-missing' | 'table-empty';

/** The translation of a page of a guest's linear memory. */
export interface GuestWalk {
  /** Null if the page is mapped. */
  readonly fault: GuestFault | null;
  /** The page's frame; or else, for `table-missing` and `table-empty`, the frame of the table; or null. */
  readonly frame: Pfn | null;
  /** Number of pages that the entry, or the missing table, maps. */
  readonly pages: number;
  /** Name of the table in which the walk ended, or that is missing. */
  readonly table: string;
  readonly steps: readonly GuestStep[];
}

/** By pages that a leaf maps: the bits of its address that must be zero. For 4 MiB they are bits 32 to 39 (PSE-36). */
const RESERVED: Readonly<Record<number, number>> = { 512: 0x1fe000, [2 ** 18]: 0x3fffe000, 1024: 0x200000 };
const ADDRESS_HIGH = 0xfffff;
const BIG_32 = 1024;

/** Walks the page tables of a guest. `frames` are those of its physical memory. */
export class GuestWalker {
  readonly #frames: FrameSource;
  readonly #paging: Paging;
  readonly #tables: readonly TableForm[];

  constructor(frames: FrameSource, paging: Paging) {
    this.#frames = frames;
    this.#paging = paging;
    this.#tables = TABLES[paging.mode];
  }

  /** Walks to a page: its linear address / 4096. */
  walk(page: number): GuestWalk {
    const { mode, root } = this.#paging;
    if (!isLinear(mode, page)) return { fault: 'noncanonical', frame: null, pages: 1, table: '', steps: [] };
    const steps: GuestStep[] = [];
    let at = root;
    for (const table of this.#tables) {
      const ended = (fault: GuestFault | null, frame: number | null): GuestWalk => ({
        fault,
        frame: frame === null ? null : pfn(frame),
        pages: table.pages,
        table: table.name,
        steps,
      });
      const frame = Math.floor(at / PAGE_SIZE);
      const view = this.#frames.frame(pfn(frame));
      if (view === null) return { ...ended('table-missing', frame), pages: table.pages * table.entries };
      const index = Math.floor(page / table.pages) % table.entries;
      const step = this.#read(view, at, index, table);
      steps.push(step);
      const { lo } = step;
      if ((lo & PRESENT) === 0)
        return at === root && this.#isEmpty(view, at, table) ? ended('table-empty', frame) : ended('not-present', null);
      if (this.#isLeaf(table, lo)) {
        if ((lo & this.#reserved(table)) !== 0) return ended('reserved', null);
        return ended(null, this.#leafFrame(step, table) + (page % table.pages));
      }
      if (table.leaf === 'never' && (lo & PSE) !== 0) return ended('reserved', null);
      at = frameIn(step) * PAGE_SIZE;
    }
    return { fault: null, frame: pfn(page), pages: 1, table: '', steps };
  }

  /** Entries have 4 bytes in 32-bit mode, else 8. */
  #read(view: DataView, at: number, index: number, { name: table }: TableForm): GuestStep {
    const isShort = this.#paging.mode === '32-bit';
    const offset = (at % PAGE_SIZE) + index * (isShort ? 4 : 8);
    const address = at - (at % PAGE_SIZE) + offset;
    return { table, address, lo: view.getUint32(offset, true), hi: isShort ? 0 : view.getUint32(offset + 4, true) };
  }

  #isEmpty(view: DataView, at: number, table: TableForm): boolean {
    for (let i = 0; i < table.entries; i++) if ((this.#read(view, at, i, table).lo & PRESENT) !== 0) return false;
    return true;
  }

  #isLeaf({ leaf, pages }: TableForm, lo: number): boolean {
    if (leaf !== 'size') return leaf === 'always';
    return (lo & PSE) !== 0 && (pages !== BIG_32 || this.#paging.hasLargePages);
  }

  #reserved({ pages, leaf }: TableForm): number {
    return leaf === 'always' ? 0 : (RESERVED[pages] ?? 0);
  }

  #leafFrame(step: GuestStep, { pages }: TableForm): number {
    if (pages === BIG_32) return (step.lo >>> 22) * BIG_32 + ((step.lo >>> 13) & 0xff) * 2 ** 20;
    const frame = frameIn(step);
    return frame - (frame % pages);
  }
}

const frameIn = ({ lo, hi }: GuestStep): number => (hi & ADDRESS_HIGH) * 0x100000 + (lo >>> 12);
