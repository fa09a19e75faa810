// SPDX-License-Identifier: Apache-2.0
import { gfn } from '../core/address.js';
import type { AskedAddress } from '../core/text.js';
import { digitsOfPage } from '../report/hex.js';
import type { GuestVirtual, VirtualFault } from '../spaces/guest-virtual.js';
import type { GuestTranslator } from '../translate/translator.js';
import { type Answered, unanswered } from './answered.js';
import { BadLine, type ExitCode } from './command.js';
import type { PageRow } from './page-rows.js';

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
  ) {}

  get exit(): ExitCode {
    return this.#missing ? 1 : 0;
  }

  *of(group: readonly (AskedAddress | BadLine)[]): Generator<Answered> {
    const { translator, answered, pages } = this;
    for (const asked of group) {
      this.count++;
      if (asked instanceof BadLine) {
        this.#missing = true;
        answered.page = null;
        yield answered.setInvalid(asked);
        continue;
      }
      if (this.virtual !== null) {
        yield this.#ofVirtual(asked, this.virtual);
        continue;
      }
      const { frame, offset, digits } = asked;
      const state = frame === null ? translator.beyond(offset) : translator.translate(gfn(frame), offset);
      if (state !== 'mapped') this.#missing = true;
      if (pages !== null) answered.page = state === 'mapped' ? pages.set(translator.frame as number, offset) : null;
      yield answered.set(digits, translator);
    }
  }

  #ofVirtual({ digits, offset }: AskedAddress, virtual: GuestVirtual): Answered {
    const { translator, answered, pages } = this;
    const walk = virtual.walk(pageOf(digits));
    const fault = virtual.faultOf(walk);
    if (fault !== null || walk.frame === null) {
      this.#missing = true;
      answered.page = null;
      const { state, reason, message } = fault as VirtualFault;
      return answered.setVirtual(digits, walk.steps, null, unanswered(state, reason, message));
    }
    const state = translator.translate(gfn(walk.frame), offset);
    if (state !== 'mapped') this.#missing = true;
    if (pages !== null) answered.page = state === 'mapped' ? pages.set(translator.frame as number, offset) : null;
    return answered.setVirtual(digits, walk.steps, digitsOfPage(walk.frame, offset), translator);
  }
}

/** Page number of a 64-bit address; one that no address has for longer digits. */
const pageOf = (digits: string): number =>
  digits.length > 16 ? 2 ** 52 : Number.parseInt(digits.slice(0, -3) || '0', 16);
