// SPDX-License-Identifier: Apache-2.0
import type { DumpError } from './errors.js';

/**
 * What only the rooms of this program know of some errors. It is kept beside the error and not in a subclass, because a
 * caller would see the name of the subclass.
 */
export class ErrorMark<Value> {
  readonly #values = new WeakMap<DumpError, Value>();

  /** Marks an error, and returns it. */
  put(error: DumpError, value: Value): DumpError {
    this.#values.set(error, value);
    return error;
  }

  has(error: DumpError): boolean {
    return this.#values.has(error);
  }

  /** The value that the error was marked with; undefined if it was not. */
  get(error: DumpError): Value | undefined {
    return this.#values.get(error);
  }
}
