// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';

const TOKENS = 256;
/** The hash of a text is the sum of its bytes, each multiplied by FACTOR once for each byte after it, modulo 2^32. */
const FACTOR = 0x01000193;

/** Of each token: the hash of its text, the hash of the text without the first byte, and FACTOR^(length of the text). */
interface Hashes {
  readonly hashes: Int32Array;
  readonly tails: Int32Array;
  readonly powers: Int32Array;
}

/** The tokens of compressed names: each byte of a name is one of 256 texts (scripts/kallsyms.c). */
export class Tokens {
  readonly #texts: readonly string[];
  /** See `Hashes`; null until a name is searched for among all names. */
  #hashes: Hashes | null = null;

  /** `table`: 256 texts, each with a NUL. `index`: the offset of each, a u16. */
  constructor(table: Bytes, index: Bytes) {
    this.#texts = Array.from({ length: TOKENS }, (_, i) => table.text(index.u16(i * 2)));
  }

  /** The text of a symbol: its type letter and its name. */
  expand(codes: Uint8Array): string {
    let text = '';
    for (const code of codes) text += this.#texts[code] as string;
    return text;
  }

  /** `hashOf` the name, without the type letter, of a symbol whose tokens are `codes[start]` to `codes[end - 1]`. */
  hash(codes: DataView, start: number, end: number): number {
    let at = start;
    while (at < end - 1 && this.length(codes.getUint8(at)) === 0) at++;
    this.#hashes ??= hashesOf(this.#texts);
    const { hashes, tails, powers } = this.#hashes;
    let hash = tails[codes.getUint8(at)] as number;
    for (at++; at < end; at++) {
      const code = codes.getUint8(at);
      hash = (Math.imul(hash, powers[code] as number) + (hashes[code] as number)) | 0;
    }
    return hash;
  }

  /** Length of a token's text. */
  length(code: number): number {
    return (this.#texts[code] as string).length;
  }
}

const hashesOf = (texts: readonly string[]): Hashes => ({
  hashes: Int32Array.from(texts, hashOf),
  tails: Int32Array.from(texts, (text) => hashOf(text.slice(1))),
  powers: Int32Array.from(texts, ({ length }) => power(length)),
});

/** A hash of a text that can be computed from those of its parts. */
export function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, FACTOR) + text.charCodeAt(i)) | 0;
  return hash;
}

function power(length: number): number {
  let result = 1;
  for (let i = 0; i < length; i++) result = Math.imul(result, FACTOR);
  return result;
}
