// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';

/** The tokens of compressed names: each byte of a name is one of 256 texts (scripts/kallsyms.c). */
export class Tokens {
  readonly #texts: readonly string[];

  /** `table`: 256 texts, each with a NUL. `index`: the offset of each, a u16. */
  constructor(table: Bytes, index: Bytes) {
    this.#texts = Array.from({ length: 256 }, (_, i) => table.text(index.u16(i * 2)));
  }

  /** The text of a symbol: its type letter and its name. */
  expand(codes: Uint8Array): string {
    let text = '';
    for (const code of codes) text += this.#texts[code] as string;
    return text;
  }

  /** Length of a token's text. */
  length(code: number): number {
    return (this.#texts[code] as string).length;
  }
}
