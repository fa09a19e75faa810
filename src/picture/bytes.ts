// SPDX-License-Identifier: Apache-2.0
// Reads the texts of html/format.ts.
import { inflateSync } from 'fflate';

const CODES = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Uint8Array(128);
for (let i = 0; i < CODES.length; i++) VALUES[CODES.charCodeAt(i)] = i;

/** The bytes of a text of a block. */
export const bytesOf = (text: string): Uint8Array => (text === '' ? new Uint8Array(0) : inflateSync(decoded(text)));

/** Bytes of a base64 text without blanks. `atob` is slower: it makes a string of the bytes. */
function decoded(base64: string): Uint8Array {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((base64.length / 4) * 3 - padding);
  const value = (at: number): number => VALUES[base64.charCodeAt(at)] as number;
  for (let from = 0, to = 0; from < base64.length; from += 4) {
    const word = (value(from) << 18) | (value(from + 1) << 12) | (value(from + 2) << 6) | value(from + 3);
    bytes[to++] = word >>> 16;
    // Writes after the end of a typed array have no effect.
    bytes[to++] = word >>> 8;
    bytes[to++] = word;
  }
  return bytes;
}

/** Calls `take` with each two integers of a stream. Most of them have one byte. */
export function eachPair(bytes: Uint8Array, take: (first: number, second: number) => void): void {
  const slow = new Integers(bytes);
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    if (first < 0x80 && second < 0x80) {
      take(first, second);
      at += 2;
      continue;
    }
    slow.at = at;
    take(slow.next(), slow.next());
    at = slow.at;
  }
}

/** Reads the integers of a stream. */
export class Integers {
  /** Where the next one begins. */
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  /** The next integer, below 2^53. */
  next(): number {
    const byte = this.bytes[this.at++] as number;
    return byte < 0x80 ? byte : this.#more(byte & 0x7f);
  }

  #more(first: number): number {
    let value = first;
    for (let scale = 0x80; ; scale *= 0x80) {
      const byte = this.bytes[this.at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  /** The next integer in zigzag form. */
  nextSigned(): number {
    const value = this.next();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
