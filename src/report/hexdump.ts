// SPDX-License-Identifier: Apache-2.0
// Bytes as xxd prints them.

const ROW = 16;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Rows of 16 bytes, each at an address that is as round as the first one. */
export class HexDump {
  readonly #row: number[] = [];
  #start = 0;

  /** The rows that are whole now. Bytes that do not follow those before begin a new row. */
  add(address: number, bytes: Uint8Array): string {
    let text = this.#row.length > 0 && address !== this.#start + this.#row.length ? this.flush() : '';
    for (let i = 0; i < bytes.length; i++) {
      if (this.#row.length === 0) this.#start = address + i;
      this.#row.push(bytes[i] as number);
      if (this.#row.length === ROW) text += this.flush();
    }
    return text;
  }

  /** What is left of a row. */
  flush(): string {
    if (this.#row.length === 0) return '';
    const digits = this.#row.map((byte, i) => `${HEX[byte]}${i % 2 === 1 ? ' ' : ''}`).join('');
    const letters = this.#row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    this.#row.length = 0;
    return `${addressText(this.#start)}: ${digits.padEnd(41)}${letters}\n`;
  }
}

/** A stretch of bytes that are not there. */
export const gapLine = (address: number, length: number, reason: string, message: string): string =>
  `${addressText(address)}: -- ${length} bytes ${reason}: ${message}\n`;

const addressText = (address: number): string => address.toString(16).padStart(8, '0');
