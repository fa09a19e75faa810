// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import type { Reason, State } from '../core/outcome.js';
import type { GuestRun } from '../spaces/guest-run.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import { byteOf, isCount, shown } from './addresses.js';
import { type Answer, answerOf } from './answer.js';
import type { Lifetime } from './lifetime.js';

/**
 * Translates guest frames one by one, millions a second: its members are the answer for the last frame, and nothing is
 * allocated. Frames and pages are numbers: an address divided by 4096. It starts with frame 0.
 */
export class Translator {
  readonly #space: GuestSpace;
  /** The object that the space reuses for its answers. */
  readonly #answer: GuestRun;
  readonly #lifetime: Lifetime;

  private constructor(space: GuestSpace, lifetime: Lifetime) {
    this.#space = space;
    this.#lifetime = lifetime;
    this.#answer = space.page(0);
  }

  /**
   * `space`: not used by anything else.
   *
   * @internal
   */
  static of(space: GuestSpace, lifetime: Lifetime): Translator {
    return new this(space, lifetime);
  }

  /** Translates a guest frame. Throws `UsageError` for anything but an exact number that is not negative. */
  translate(frame: number): State {
    this.#lifetime.check();
    if (!isCount(frame)) throw new UsageError(`${shown(frame)} is not a frame number: an exact number from 0 on`);
    return this.#space.page(frame).state;
  }

  /** State of the frame. */
  get state(): State {
    return this.#answer.state;
  }

  /** Why it is not mapped; null if it is mapped. */
  get reason(): Reason | null {
    return this.#answer.reason;
  }

  /** The frame of the machine that holds it if it is `mapped`; otherwise the one in its page-table entry, if any. */
  get frame(): number | null {
    return this.#answer.frame;
  }

  /** Its page in host virtual memory; null if no memslot that can be read holds it. */
  get page(): number | null {
    return this.#answer.hva;
  }

  /** Bytes that the leaf entry maps: 4096, 2 MiB or 1 GiB; null unless it is mapped. */
  get pageSize(): number | null {
    return this.#answer.pageSize;
  }

  /** The answer as an object that stays valid. */
  answer(): Answer {
    this.#lifetime.check();
    return answerOf(byteOf(this.#answer.page, 0), this.#answer, this.#space.steps);
  }
}
