// SPDX-License-Identifier: Apache-2.0
import type { OpenImage } from '../open.js';
import { Physical } from './physical.js';

/** An opened dump, without the kernel in it. */
export class Image {
  /** The physical memory of the machine. */
  readonly physical: Physical;
  readonly #close: () => void;

  private constructor({ memory, close }: OpenImage) {
    this.physical = Physical.of(memory);
    this.#close = close;
  }

  /** @internal */
  static of(opened: OpenImage): Image {
    return new this(opened);
  }

  /** Closes the files. Reading afterwards throws a `UsageError`; closing again does nothing. */
  close(): void {
    this.#close();
  }

  /** Calls `close` at the end of a block with `using`. */
  [Symbol.dispose](): void {
    this.#close();
  }
}
