// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';

/**
 * Whether the files of a dump are open. A dump and all objects made from it share one, because pages in a cache would
 * still answer after the files were closed.
 */
export class Lifetime {
  #isOver = false;

  /** Throws `UsageError` once `end` was called. */
  check(): void {
    if (this.#isOver) throw new UsageError('the dump was closed');
  }

  /** Ends it; calling it again does nothing. */
  end(): void {
    this.#isOver = true;
  }

  /** The same values and the same result; throws `UsageError` instead of the next value after `end`. */
  *during<Value, Result>(values: Generator<Value, Result>): Generator<Value, Result> {
    for (;;) {
      this.check();
      const next = values.next();
      if (next.done === true) return next.value;
      yield next.value;
    }
  }
}
