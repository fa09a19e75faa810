// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, type Vpn } from '../core/address.js';
import type { Reason, State } from '../core/outcome.js';
import type { Run, SwapPlace } from './space.js';

/** Value of `level` if no entry was read: tables have at most five levels. */
export const NO_ENTRY = 5;
const NO_FRAME = -1;
const NOT_IN_SWAP = -1;
/** Bytes that a leaf maps, by level. */
const SIZES = [PAGE_SIZE, PAGE_SIZE * 512, PAGE_SIZE * 512 ** 2] as const;

/** Makes the message for a run that is not mapped; called only when the message is read. */
export type Explain = (run: MutableMmRun) => string;
/** Path of the device or file of a swap type; null if it can't be read. */
export type DeviceOf = (type: number) => string | null;

/** A run of a process's pages. */
export type MmRun = Run<State, Reason>;

/**
 * A run of a process's pages whose fields are set one after another. Setting them does not allocate: `swap` and
 * `message` are made when they are read.
 */
export class MutableMmRun implements MmRun {
  page = 0;
  pages = 1;
  state: State = 'not-present';
  reason: Reason | null = null;
  pageSize: number | null = null;
  protNone = false;
  /** Page number of the first page in the process: its virtual address / 4096. */
  vpn = 0 as Vpn;
  /** Level of the lowest entry that was read for the first page; above the top level if none was. */
  level = 0;
  /** The frame that this entry points to, if it is a missing table or beyond the machine's memory. */
  leadsTo = 0;
  // Numbers only: if a field can also be null, V8 allocates an object for each number that is written to it.
  #frame: number = NO_FRAME;
  #swapType = NOT_IN_SWAP;
  #swapOffset = 0;
  #explain: Explain | null = null;

  constructor(protected readonly deviceOf: DeviceOf) {}

  get frame(): Pfn | null {
    return this.#frame === NO_FRAME ? null : (this.#frame as Pfn);
  }

  get swap(): SwapPlace | null {
    const type = this.#swapType;
    return type === NOT_IN_SWAP ? null : { type, offset: this.#swapOffset, device: this.deviceOf(type) };
  }

  get message(): string | null {
    return this.#explain === null ? null : this.#explain(this);
  }

  /** Sets the run to the answer for pages that a leaf of a level maps. */
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

  /** Sets the run to the answer for pages that are not mapped. */
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

  /** Sets the frame that contains the first page of a run that is not mapped, or that its entry names. */
  names(frame: number): void {
    this.#frame = frame;
  }

  /** Physical address of the frame, as a text. */
  get place(): string {
    return `physical address 0x${(this.#frame * PAGE_SIZE).toString(16)}`;
  }

  /** Sets the place of the first page in swap. */
  swapped(type: number, offset: number): void {
    this.#swapType = type;
    this.#swapOffset = offset;
  }

  /** Whether the pages of the next run can be appended to this one. */
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

  /** A copy, which is not set again. */
  copy(): MutableMmRun {
    const copy = new MutableMmRun(this.deviceOf);
    copy.take(this);
    return copy;
  }

  /** Copies another run to this one. */
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
