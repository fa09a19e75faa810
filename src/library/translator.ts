// SPDX-License-Identifier: Apache-2.0
import { gfn } from '../core/address.js';
import { UsageError } from '../core/errors.js';
import type { Reason, State } from '../core/outcome.js';
import type { GuestTranslator } from '../translate/translator.js';
import { byteOf } from './addresses.js';
import { type Answer, answerOf } from './answer.js';

/** First frame number whose address is beyond 2^52. */
const FRAMES = 2 ** 40;

/**
 * Translates guest frames one after the other, millions a second: the answer is in its members until the next frame is
 * asked for, and nothing is allocated. Frames and pages are numbers: an address divided by 4096.
 */
export class Translator {
  readonly #translator: GuestTranslator;
  /** Negative before the first one. */
  #asked = -1;

  private constructor(translator: GuestTranslator) {
    this.#translator = translator;
  }

  /** @internal */
  static of(translator: GuestTranslator): Translator {
    return new this(translator);
  }

  /** What became of a guest frame. Throws `UsageError` for a number that is negative or has a fraction. */
  translate(frame: number): State {
    if (!(frame >= 0 && frame < FRAMES) || Math.floor(frame) !== frame) return this.#unusual(frame);
    this.#asked = frame;
    return this.#translator.translate(gfn(frame), 0);
  }

  #unusual(frame: number): State {
    if (!Number.isSafeInteger(frame) || frame < 0) throw new UsageError(`${frame} is not a frame number`);
    this.#asked = frame;
    return this.#translator.beyond(0);
  }

  /** What became of the frame. */
  get state(): State {
    return this.#translator.state;
  }

  /** Why it is not mapped; null if it is. */
  get reason(): Reason | null {
    return this.#translator.reason;
  }

  /** The host's frame that holds it if it is `mapped`; else the one that its page-table entry names, if any. */
  get frame(): number | null {
    return this.#translator.frame;
  }

  /** Its page of host virtual memory; null if no memslot that can be read holds it. */
  get page(): number | null {
    return this.#translator.page;
  }

  /** Bytes that the leaf entry maps: 4096, 2 MiB or 1 GiB; null unless it is mapped. */
  get pageSize(): number | null {
    return this.#translator.pageSize;
  }

  /** The answer as an object, to keep. Throws `UsageError` before a frame was asked. */
  answer(): Answer {
    if (this.#asked < 0) throw new UsageError('no frame has been asked');
    return answerOf(byteOf(this.#asked, 0), this.#translator);
  }
}
