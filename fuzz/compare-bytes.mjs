// SPDX-License-Identifier: Apache-2.0
// Compares bytes, matches and messages that a command says of a mutant with the right ones.
import { openImage } from '#internal';
import { rowsOf } from './ask-commands.mjs';

/** @import { Row, Said } from './ask-commands.mjs' */

/**
 * What is wrong: `address`: where, in the memory that was asked; `part`: the bytes, the way to them through the guest's own tables
 * and kernel, or the host's answer about a guest physical address.
 *
 * @typedef {{ detail: string, address: bigint | null, part: 'bytes' | 'guest' | 'host', messages?: number }} WrongMemory
 */

/** Reasons that say that something is not known: no claim. */
const UNKNOWN =
  /^(?:excluded|outside|cut-off|undecodable|unreadable|absent|table-.*|bad-entry|slot-unreadable|page-cache-unreadable|gmem-attribute-unreadable|gva-table-missing|gva-table-empty|gva-reserved-bits)$/;

/**
 * Bytes of an output of read, by address, and the reasons of those that are missing.
 *
 * @param {string} text
 */
export function bytesIn(text) {
  /** @type {Map<number, string>} */
  const bytes = new Map();
  /** @type {{ from: number, to: number, reason: string }[]} */
  const gaps = [];
  for (const line of text.split('\n')) {
    const [, address = '', rest = ''] = /^([0-9a-f]+): (.*)$/.exec(line) ?? [];
    const from = Number.parseInt(address, 16);
    const gap = /^-- (\d+) bytes ([a-z-]+): /.exec(rest);
    if (gap !== null) gaps.push({ from, to: from + Number(gap[1]), reason: gap[2] ?? '' });
    else if (address !== '') {
      const digits = rest.slice(0, 40).replaceAll(' ', '');
      for (let i = 0; i < digits.length / 2; i++) bytes.set(from + i, digits.slice(i * 2, i * 2 + 2));
    }
  }
  return { bytes, gaps };
}

/** @type {(said: Said, right: Said) => WrongMemory | null} */
export function wrongBytes(said, right) {
  const [got, want] = [bytesIn(said.text), bytesIn(right.text)];
  const wrong = (/** @type {number} */ at, /** @type {string} */ detail) => ({
    detail: `${at.toString(16)}: ${detail}`,
    address: BigInt(at),
    part: /** @type {const} */ ('bytes'),
  });
  for (const [at, byte] of got.bytes) {
    const is = want.bytes.get(at);
    if (is !== byte) return wrong(at, `the byte is ${byte}, right is ${is ?? 'none'}`);
  }
  for (const { from, to, reason } of got.gaps) {
    if (UNKNOWN.test(reason)) continue;
    for (const at of want.bytes.keys()) if (at >= from && at < to) return wrong(at, `it is missing: ${reason}`);
  }
  if (said.status !== 0) return null;
  for (const at of want.bytes.keys()) if (!got.bytes.has(at)) return wrong(at, 'it is not there');
  return null;
}

/** Matches, which must be the right ones, and all of them in an answer that is complete. @type {(said: Said, right: Said) => WrongMemory | null} */
export function wrongMatches(said, right) {
  const [got, want] = [said, right].map(({ text }) => rowsOf(text).filter(({ record }) => record === 'match'));
  const keys = new Set(want?.map(textOf));
  const other = got?.find((row) => !keys.has(textOf(row)));
  if (other !== undefined) return wrongMatch(other, 'there is no such match');
  const total = rowsOf(said.text).find(({ record }) => record === 'total');
  const own = new Set(got?.map(textOf));
  const lost = want?.find((row) => !own.has(textOf(row)));
  return lost !== undefined && total?.complete === true ? wrongMatch(lost, 'this match is missing') : null;
}

const textOf = (/** @type {Row} */ row) => JSON.stringify(row);

/** @type {(row: Row, what: string) => WrongMemory} */
function wrongMatch(row, what) {
  const { gva, gpa, hva } = row;
  return { detail: `${what}: ${textOf(row)}`, address: BigInt(String(gva ?? gpa ?? hva)), part: 'bytes' };
}

/** Messages of a log: `messages` is the number of those that differ. @type {(said: Said, right: Said) => WrongMemory | null} */
export function wrongMessages(said, right) {
  const want = new Set(right.text.split('\n'));
  const others = said.text.split('\n').filter((line) => !want.has(line));
  const own = rowsOf(said.text);
  // A message whose text is not there is no claim about it.
  const claims = others.filter((line) => rowsOf(line)[0]?.text !== null);
  const lost = said.status === 0 ? want.size - 1 - own.length : 0;
  if (claims.length === 0 && lost <= 0) return null;
  const detail = `${claims.length} other messages, ${lost} fewer: ${(claims[0] ?? '').slice(0, 300)}`;
  return { detail, address: null, part: 'guest', messages: Math.max(claims.length, lost) };
}

/**
 * Pages of an extracted file, which must be those of the right one.
 *
 * @type {(path: string, right: string, said: Said) => Promise<WrongMemory | null>}
 */
export async function wrongPages(path, right, said) {
  const [got, want] = [await openImage(path), await openImage(right)];
  try {
    for (const frame of got.image.reader.present()) {
      const [is, own] = [want, got].map(({ memory }) =>
        Buffer.from([...memory.read(frame * 4096, 4096)][0]?.bytes ?? []),
      );
      const at = Array.from({ length: 4096 }, (_, i) => i).find((i) => own?.[i] !== is?.[i]);
      if (at !== undefined)
        return { detail: `frame ${frame}: other bytes`, address: BigInt(frame * 4096 + at), part: 'bytes' };
    }
    const lost = [...want.image.reader.present()].find((frame) => got.image.frame(frame) === null);
    return said.status === 0 && lost !== undefined
      ? { detail: `frame ${lost} is missing`, address: BigInt(lost * 4096), part: 'bytes' }
      : null;
  } finally {
    got.close();
    want.close();
  }
}
