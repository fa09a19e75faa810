// SPDX-License-Identifier: Apache-2.0
import { escaped } from './one-line.js';

/** A guest physical address as it was asked for. */
export interface AskedAddress {
  /** Hexadecimal digits, lower case, without leading zeros. */
  readonly digits: string;
  /** Frame number and byte inside it; frame is null from 2^52 on, where there are no physical addresses. */
  readonly frame: number | null;
  readonly offset: number;
}

/** Reads an address in hexadecimal, with or without 0x, as crash does; null for anything else. */
export function parseAddress(text: string): AskedAddress | null {
  const written = /^(?:0[xX])?([0-9a-fA-F]+)$/.exec(text)?.[1]?.toLowerCase();
  if (written === undefined) return null;
  let zeros = 0;
  while (zeros < written.length - 1 && written[zeros] === '0') zeros++;
  const digits = written.slice(zeros);
  const offset = Number.parseInt(digits.slice(-3), 16);
  const upper = digits.slice(0, -3);
  return { digits, frame: upper.length > 10 ? null : Number.parseInt(upper || '0', 16), offset };
}

/** Text out of a dump or a file, safe to print: control characters and all beyond ASCII escaped, at most `longest` long. */
export function printable(text: string, longest = 80): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut.replace(/[^\x20-\x7e…]/g, escaped);
}
