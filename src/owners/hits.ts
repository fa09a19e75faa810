// SPDX-License-Identifier: Apache-2.0
import { larger } from '../core/larger.js';

const START = 1024;

/** How an entry of a page table names a frame. */
export const Naming = {
  /** It maps the frame, and the kernel counts it as a mapping. */
  Counted: 0,
  /** It maps the frame, which the kernel does not count: mappings by frame number (VM_PFNMAP, pte_special). */
  Uncounted: 1,
  /** It does not map the frame: the frame has a memory error. */
  Poisoned: 2,
  /** The page was being moved away from the frame. */
  Migrating: 3,
  /** A device has the page. */
  Device: 4,
} as const;
export type Naming = (typeof Naming)[keyof typeof Naming];

/** Entries of page tables that name wanted frames, in the order in which they are found. Grows without objects. */
export class Hits {
  count = 0;
  /** Place of the frame among the wanted ones. */
  wanted = new Uint32Array(START);
  /** Virtual page number. */
  pages = new Float64Array(START);
  /** Number of the area (a mapping of a process) that the page is in. */
  areas = new Uint32Array(START);
  naming = new Uint8Array(START);

  add(wanted: number, page: number, area: number, naming: Naming): void {
    const { count } = this;
    if (count === this.wanted.length) this.#grow();
    this.wanted[count] = wanted;
    this.pages[count] = page;
    this.areas[count] = area;
    this.naming[count] = naming;
    this.count = count + 1;
  }

  #grow(): void {
    this.wanted = larger(this.wanted);
    this.pages = larger(this.pages);
    this.areas = larger(this.areas);
    this.naming = larger(this.naming);
  }

  /** The entries by wanted frame: those of frame n are `order[starts[n]]` to `order[starts[n + 1] - 1]`. */
  byFrame(frames: number): { readonly starts: Uint32Array; readonly order: Uint32Array } {
    const { count, wanted } = this;
    const starts = new Uint32Array(frames + 1);
    for (let i = 0; i < count; i++) {
      const next = (wanted[i] as number) + 1;
      starts[next] = (starts[next] as number) + 1;
    }
    for (let n = 0; n < frames; n++) starts[n + 1] = (starts[n + 1] as number) + (starts[n] as number);
    const order = new Uint32Array(count);
    const next = starts.slice();
    for (let i = 0; i < count; i++) {
      const n = wanted[i] as number;
      const place = next[n] as number;
      order[place] = i;
      next[n] = place + 1;
    }
    return { starts, order };
  }
}
