// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, type Vpn } from '../core/address.js';
import type { Reason, State } from '../core/outcome.js';
import type { Run, SwapPlace } from './space.js';

/** `level` where no entry was read: tables have five levels at the most. */
export const NO_ENTRY = 5;
const NO_FRAME = -1;
const NOT_IN_SWAP = -1;
/** Bytes that a leaf maps, by level. */
const SIZES = [PAGE_SIZE, PAGE_SIZE * 512, PAGE_SIZE * 512 ** 2] as const;

/** What stands in the way, in words, found when it is asked for. */
export type Explain = (run: MutableMmRun) => string;
/** Path of the device or file behind a swap type; null where it can't be read. */
export type DeviceOf = (type: number) => string | null;

/** A run of a process's pages. */
export type MmRun = Run<State, Reason>;

/**
 * A run of a process's pages while it is made. Nothing is allocated for one: `swap` and `message` are made when they
 * are asked for.
 */
export class MutableMmRun implements MmRun {
  page = 0;
  pages = 1;
  state: State = 'not-present';
  reason: Reason | null = null;
  pageSize: number | null = null;
  protNone = false;
  /** First page as the process counts: its virtual address / 4096. */
  vpn = 0 as Vpn;
  /** Level of the lowest entry that was read for the first page; above the top where none was. */
  level = 0;
  /** Where that entry leads, in vain: the frame of a missing table, or one beyond the machine's memory. */
  leadsTo = 0;
  // Numbers throughout: where a field can be null, V8 makes an object of each number that is written to it.
  #frame: number = NO_FRAME;
  #swapType = NOT_IN_SWAP;
  #swapOffset = 0;
  #explain: Explain | null = null;
  readonly #deviceOf: DeviceOf;

  constructor(deviceOf: DeviceOf) {
    this.#deviceOf = deviceOf;
  }

  get frame(): Pfn | null {
    return this.#frame === NO_FRAME ? null : (this.#frame as Pfn);
  }

  get swap(): SwapPlace | null {
    const type = this.#swapType;
    return type === NOT_IN_SWAP ? null : { type, offset: this.#swapOffset, device: this.#deviceOf(type) };
  }

  get message(): string | null {
    return this.#explain === null ? null : this.#explain(this);
  }

  /** Becomes the answer for pages that a leaf of a level maps. */
  mapped(frame: Pfn, level: number, protNone: boolean): State {
    this.state = 'mapped';
    this.reason = null;
    this.#frame = frame;
    this.pageSize = SIZES[level] as number;
    this.protNone = protNone;
    this.level = level;
    this.#swapType = NOT_IN_SWAP;
    this.#explain = null;
    return 'mapped';
  }

  /** Becomes the answer for pages that are not mapped. */
  end(state: State, reason: Reason, level: number, explain: Explain): State {
    this.state = state;
    this.reason = reason;
    this.#frame = NO_FRAME;
    this.pageSize = null;
    this.protNone = false;
    this.level = level;
    this.#swapType = NOT_IN_SWAP;
    this.#explain = explain;
    return state;
  }

  /** Says which frame the entry names. */
  names(frame: number): void {
    this.#frame = frame;
  }

  /** Says where in swap the first page is. */
  swapped(type: number, offset: number): void {
    this.#swapType = type;
    this.#swapOffset = offset;
  }

  /** Whether the pages of another run, which come next, continue this one. */
  isContinuedBy(next: MutableMmRun): boolean {
    return (
      next.state === this.state &&
      next.reason === this.reason &&
      next.pageSize === this.pageSize &&
      next.protNone === this.protNone &&
      next.#frame === (this.#frame === NO_FRAME ? NO_FRAME : this.#frame + this.pages) &&
      next.#swapType === this.#swapType &&
      (this.#swapType === NOT_IN_SWAP || next.#swapOffset === this.#swapOffset + this.pages)
    );
  }

  /** Becomes what another run is. */
  take(other: MutableMmRun): void {
    this.page = other.page;
    this.pages = other.pages;
    this.state = other.state;
    this.reason = other.reason;
    this.#frame = other.#frame;
    this.pageSize = other.pageSize;
    this.protNone = other.protNone;
    this.vpn = other.vpn;
    this.level = other.level;
    this.leadsTo = other.leadsTo;
    this.#swapType = other.#swapType;
    this.#swapOffset = other.#swapOffset;
    this.#explain = other.#explain;
  }
}
