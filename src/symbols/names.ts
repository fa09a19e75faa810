// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';

/** KSYM_NAME_LEN is 512 since 6.1, 128 before, the type letter included in neither (include/linux/kallsyms.h). */
const LONGEST = 513;
const PRIME = 0x01000193;
/** Every 256th symbol has its offset in kallsyms_markers. */
const MARKED = 256;

/**
 * kallsyms_names: for each symbol a length and that many token numbers; the tokens' texts joined are a type letter and
 * the name (scripts/kallsyms.c). Names are found by a hash over the tokens, without making their texts.
 */
export class CompressedNames {
  readonly #tokens: string[] = [];
  readonly #tokenLength = new Uint16Array(256);
  readonly #tokenHash = new Int32Array(256);
  readonly #power = new Int32Array(LONGEST + 1);

  constructor(
    readonly names: Bytes,
    readonly count: number,
    tokenTable: Bytes,
    tokenIndex: Bytes,
  ) {
    this.#power[0] = 1;
    for (let i = 1; i <= LONGEST; i++) this.#power[i] = Math.imul(this.#power[i - 1] as number, PRIME);
    for (let i = 0; i < 256; i++) {
      const text = tokenTable.text(tokenIndex.u16(i * 2), LONGEST);
      this.#tokens[i] = text;
      this.#tokenLength[i] = text.length;
      this.#tokenHash[i] = hash(text);
    }
  }

  /** The first index of each of the wanted names that exists. */
  find(wanted: readonly string[], wide: boolean): Map<string, number> {
    const byHash = new Map<number, string[]>();
    for (const name of wanted) byHash.set(hash(name), [...(byHash.get(hash(name)) ?? []), name]);
    const found = new Map<string, number>();
    this.#each(wide, (index, start, end) => {
      const named = byHash.get(this.#hashOf(start, end));
      if (named === undefined) return;
      const name = this.#textOf(start, end).slice(1);
      if (named.includes(name) && !found.has(name)) found.set(name, index);
    });
    return found;
  }

  /** Offset in bytes of every 256th entry, and of the end, if the names are read in this mode; null if they overrun. */
  marks(wide: boolean): { marks: number[]; end: number } | null {
    const marks: number[] = [];
    let end = 0;
    const whole = this.#each(wide, (index, start, stop) => {
      if (index % MARKED === 0) marks.push(start - (stop - start > 0x7f && wide ? 2 : 1));
      end = stop;
    });
    return whole ? { marks, end } : null;
  }

  /**
   * Since Linux commit 73bbb94466fd ("kallsyms: support "big" kernel symbols") (in v6.1) a length of 128 and more takes
   * two bytes, the low seven bits first (`wide`); before, one plain byte.
   */
  #each(wide: boolean, visit: (index: number, start: number, end: number) => void): boolean {
    const bytes = this.names.array();
    let at = 0;
    for (let index = 0; index < this.count; index++) {
      let length = bytes[at++] ?? 0;
      if (wide && length >= 0x80) length = (length & 0x7f) | ((bytes[at++] ?? 0) << 7);
      if (length === 0 || at + length > bytes.length) return false;
      visit(index, at, at + length);
      at += length;
    }
    return true;
  }

  /** The hash of a symbol's name, its type letter taken off. */
  #hashOf(start: number, end: number): number {
    const bytes = this.names.array();
    let value = 0;
    let length = 0;
    for (let at = start; at < end; at++) {
      const token = bytes[at] as number;
      const size = this.#tokenLength[token] as number;
      length += size;
      if (length > LONGEST) return 0;
      value = (Math.imul(value, this.#power[size] as number) + (this.#tokenHash[token] as number)) | 0;
    }
    const letter = (this.#tokens[bytes[start] as number] as string).charCodeAt(0);
    return (value - Math.imul(letter, this.#power[length - 1] ?? 0)) | 0;
  }

  #textOf(start: number, end: number): string {
    let text = '';
    for (const token of this.names.array().subarray(start, end)) text += this.#tokens[token] ?? '';
    return text;
  }
}

/** A polynomial hash, so that the hash of joined texts follows from theirs. */
function hash(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) value = (Math.imul(value, PRIME) + text.charCodeAt(i)) | 0;
  return value;
}

/**
 * Which form of lengths the names are in: the one in which kallsyms_markers, which follows the names at the next
 * multiple of 4 or 8 bytes as u64[] or u32[], agrees. Throws `DumpError` when neither does.
 */
export function lengthsAreWide(names: CompressedNames): boolean {
  for (const wide of [true, false]) {
    const walked = names.marks(wide);
    if (walked !== null && markersFollow(names.names, walked.marks, walked.end)) return wide;
  }
  throw new DumpError('kallsyms: the names do not fit their markers', { place: names.names.place });
}

function markersFollow(bytes: Bytes, marks: readonly number[], end: number): boolean {
  const aligned = [Math.ceil(end / 4) * 4, Math.ceil(end / 8) * 8];
  return aligned.some((start) =>
    [4, 8].some((size) =>
      marks.every((mark, i) => {
        const at = start + i * size;
        return at + size <= bytes.length && bytes.u32(at) === mark && (size === 4 || bytes.u32(at + 4) === 0);
      }),
    ),
  );
}
