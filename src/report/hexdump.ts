// SPDX-License-Identifier: Apache-2.0
// Hex dumps in the format of xxd.

const ROW = 16;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** In one dump all are of one type: bigints where they can reach 2^53. */
type Address = number | bigint;

const plus = (address: Address, length: number): Address =>
  typeof address === 'number' ? address + length : address + BigInt(length);

/** Formats bytes in rows of 16, starting at the first address. */
export class HexDump {
  readonly #row: number[] = [];
  #start: Address = 0;

  /** Adds bytes and returns the rows that are complete. Bytes that do not follow the previous ones start a new row. */
  add(address: Address, bytes: Uint8Array): string {
    let text = this.#row.length > 0 && address !== plus(this.#start, this.#row.length) ? this.flush() : '';
    for (let i = 0; i < bytes.length; i++) {
      if (this.#row.length === 0) this.#start = plus(address, i);
      this.#row.push(bytes[i] as number);
      if (this.#row.length === ROW) text += this.flush();
    }
    return text;
  }

  /** Returns the last, incomplete row. */
  flush(): string {
    if (this.#row.length === 0) return '';
    const digits = this.#row.map((byte, i) => `${HEX[byte]}${i % 2 === 1 ? ' ' : ''}`).join('');
    const letters = this.#row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    this.#row.length = 0;
    return `${addressText(this.#start)}: ${digits.padEnd(41)}${letters}\n`;
  }
}

/** The line for a range of bytes that the dump lacks. */
export const gapLine = (address: Address, length: number, reason: string, message: string): string =>
  `${addressText(address)}: -- ${length} ${length === 1 ? 'byte' : 'bytes'} ${reason}: ${message}\n`;

const addressText = (address: Address): string => address.toString(16).padStart(8, '0');
