// SPDX-License-Identifier: Apache-2.0
import { gfn } from '../core/address.js';
import type { State } from '../core/outcome.js';
import type { AskedAddress } from '../core/text.js';
import { digitsOfPage } from '../report/hex.js';
import type { GuestVirtual, VirtualFault } from '../spaces/guest-virtual.js';
import type { GuestTranslator } from '../translate/translator.js';
import { type Answered, type Through, unanswered } from './answered.js';
import { BadLine, type ExitCode } from './command.js';
import type { PageRow } from './page-row.js';

/** How often the facts of an address on a running host are read until it has the same page before and after. */
const MOST = 8;

/** Answers in the order of the addresses. One object is used for all rows; its fields change from row to row. */
export class Answers {
  /** Number of addresses and lines answered. */
  count = 0;
  #missing = false;

  constructor(
    readonly translator: GuestTranslator,
    readonly answered: Answered,
    readonly pages: PageRow | null,
    /** The guest's virtual memory if the addresses are virtual ones. */
    readonly virtual: GuestVirtual | null,
    /** Translators of the machines that the host is a guest of, from the nearest on. */
    readonly outer: readonly GuestTranslator[],
    readonly isLive: boolean,
  ) {}

  get exit(): ExitCode {
    return this.#missing ? 1 : 0;
  }

  *of(group: readonly (AskedAddress | BadLine)[]): Generator<Answered> {
    const { translator, answered } = this;
    for (const asked of group) {
      this.count++;
      if (asked instanceof BadLine) {
        this.#missing = true;
        this.#add('invalid', 0);
        yield answered.setInvalid(asked);
        continue;
      }
      if (this.virtual !== null) {
        yield this.#ofVirtual(asked, this.virtual);
        continue;
      }
      const { frame, offset, digits } = asked;
      this.#translate(frame, offset);
      yield answered.set(digits, translator);
    }
  }

  /** The answer to an address, and what is known of it besides. */
  #translate(frame: number | null, offset: number): void {
    const { translator, answered, pages } = this;
    const translate = (): State =>
      frame === null ? translator.beyond(offset) : translator.translate(gfn(frame), offset);
    let state = translate();
    this.#add(state, offset);
    for (let left = MOST; this.isLive && pages !== null && state === 'mapped'; left--) {
      const looked = translator.frame;
      state = translate();
      if (state === 'mapped' && translator.frame === looked) break;
      this.#add(state, offset);
      if (left === 0 && translator.frame !== null) answered.page = pages.setMoved(translator.frame, offset);
      if (left === 0) break;
    }
    if (state !== 'mapped') this.#missing = true;
  }

  /** What is known of an address besides the answer. */
  #add(state: State, offset: number): void {
    const { translator, answered, pages, outer } = this;
    const frame = state === 'mapped' ? translator.frame : null;
    if (pages !== null) answered.page = frame === null ? null : pages.set(frame, offset);
    if (outer.length > 0) answered.through = frame === null ? [] : throughAll(outer, frame, offset);
  }

  #ofVirtual({ digits, offset }: AskedAddress, virtual: GuestVirtual): Answered {
    const { translator, answered } = this;
    const walk = virtual.walk(pageOf(digits));
    const fault = virtual.faultOf(walk);
    if (fault !== null || walk.frame === null) {
      this.#missing = true;
      this.#add('invalid', 0);
      const { state, reason, message } = fault as VirtualFault;
      return answered.setVirtual(digits, walk.steps, null, unanswered(state, reason, message));
    }
    this.#translate(walk.frame, offset);
    return answered.setVirtual(digits, walk.steps, digitsOfPage(walk.frame, offset), translator);
  }
}

/** The answers of each machine for a frame of the one before, up to the first that does not map it. */
function throughAll(outer: readonly GuestTranslator[], frame: number, offset: number): Through[] {
  const all: Through[] = [];
  let next: number | null = frame;
  for (const translator of outer) {
    if (next === null) break;
    const state = translator.translate(gfn(next), offset);
    all.push({ gfn: next, answer: translator.snapshot() });
    next = state === 'mapped' ? translator.frame : null;
  }
  return all;
}

/** Page number of a 64-bit address; one that no address has for longer digits. */
const pageOf = (digits: string): number =>
  digits.length > 16 ? 2 ** 52 : Number.parseInt(digits.slice(0, -3) || '0', 16);
