// SPDX-License-Identifier: Apache-2.0
import type { Readable } from '../core/lazy-bytes.js';

/** Bytes of a key. */
const KEY = 4;
/** The mask if all four bytes of a key count. */
const ALL = -1;

/** The strings of BTF by offset. Those of split BTF continue those of its base. */
export class BtfStrings {
  constructor(
    readonly strings: Readable,
    /** The offset of the first string. */
    readonly start: number,
    readonly base: BtfStrings | null,
  ) {}

  text(offset: number): string {
    if (offset < this.start) return this.base === null ? '' : this.base.text(offset);
    return this.strings.text(offset - this.start);
  }

  /** The first four bytes of a string, as a signed number. Those after the NUL belong to the next string, or are 0. */
  key(offset: number): number {
    if (offset < this.start) return this.base === null ? 0 : this.base.key(offset);
    const { strings } = this;
    const at = offset - this.start;
    if (at + KEY <= strings.length) return strings.i32(at);
    let key = 0;
    for (let i = at; i < strings.length; i++) key |= strings.u8(i) << ((i - at) * 8);
    return key;
  }
}

/**
 * Names with the types that have them, in the order of the types. They are stored as numbers, and compared as such: a text is made
 * only of a name that begins like the one that is searched for.
 */
export class NamedTypes {
  readonly #ids: number[] = [];
  readonly #offsets: number[] = [];
  readonly #keys: number[] = [];

  constructor(readonly strings: BtfStrings) {}

  get count(): number {
    return this.#ids.length;
  }

  /** Adds a type whose name is at an offset of the strings, and has this key. */
  add(id: number, offset: number, key: number): void {
    this.#ids.push(id);
    this.#offsets.push(offset);
    this.#keys.push(key);
  }

  /** The first type of this name, of those from the number `from` on; null if there is none. */
  find(name: string, from: number): number | null {
    const keys = this.#keys;
    const { key, mask } = keyOf(name);
    const isIt = (i: number): boolean => this.strings.text(this.#offsets[i] as number) === name;
    if (mask === ALL) {
      for (let i = keys.indexOf(key, from); i >= 0; i = keys.indexOf(key, i + 1))
        if (isIt(i)) return this.#ids[i] as number;
      return null;
    }
    for (let i = from; i < keys.length; i++)
      if (((keys[i] as number) & mask) === key && isIt(i)) return this.#ids[i] as number;
    return null;
  }
}

/** The key of a name, and the bits of it that count: those of the name and of the NUL after it. */
function keyOf(name: string): { key: number; mask: number } {
  let [key, mask] = [0, 0];
  for (let i = 0; i < Math.min(KEY, name.length + 1); i++) {
    key |= (i < name.length ? name.charCodeAt(i) & 0xff : 0) << (i * 8);
    mask |= 0xff << (i * 8);
  }
  return { key, mask };
}
