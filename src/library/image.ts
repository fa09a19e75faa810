// SPDX-License-Identifier: Apache-2.0
import type { OpenImage } from '../open.js';
import { Lifetime } from './lifetime.js';
import { Physical } from './physical.js';

/** An opened dump, without the kernel in it. */
export class Image {
  /** The physical memory of the machine. */
  readonly physical: Physical;
  readonly #lifetime = new Lifetime();
  readonly #close: () => void;

  private constructor({ memory, close }: OpenImage) {
    this.physical = Physical.of(memory, this.#lifetime);
    this.#close = close;
  }

  /** @internal */
  static of(opened: OpenImage): Image {
    return new this(opened);
  }

  /**
   * Closes the files. Afterwards the methods of this object, and of all objects made from it, throw a `UsageError`; what they
   * returned before stays valid. Closing again does nothing.
   */
  close(): void {
    this.#lifetime.end();
    this.#close();
  }

  /** Calls `close` at the end of a block with `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
