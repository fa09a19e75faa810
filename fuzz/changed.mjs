// SPDX-License-Identifier: Apache-2.0
// The bytes of memory that a mutation changed, and which of them an answer read.
import { present } from '../scripts/present.mjs';
import { CONTENTS, PROCESS_TABLES } from './readers.mjs';

/** @import { Readers } from './readers.mjs' */
/** @import { Base, Mutation } from './mutations.mjs' */

const PAGE = 4096;
const ENTRY_BYTES = 8;
export const WALKED = 'an entry of a page table that the answer walked';
/** The only excuse in forms whose pages are compressed. */
export const UNPACKED = 'a page that unpacks';

/**
 * The kind of the changed byte that an answer read; null if it read none.
 *
 * @param {Mutation} mutation
 * @param {Base} base
 * @param {readonly number[]} walked physical addresses of the page-table entries that it walked
 * @param {readonly Readers[]} readers who reads each frame for the right answer
 * @returns {string | null}
 */
export function excuse(mutation, base, walked, readers) {
  if (mutation.structural) return null;
  // A compressed page that decompresses to another one counts as changed in every byte.
  if (!base.plain) return UNPACKED;
  const addresses = changedBytes(mutation, base);
  if (inEntries(addresses, walked)) return WALKED;
  // Of the process's page tables only entries that were walked count; which entries of the kernel's page tables are
  // read is not known.
  return kindsOf(addresses, readers, (kind) => kind !== PROCESS_TABLES && !CONTENTS.has(kind));
}

/** Physical addresses of the bytes that a mutation of memory changed. @type {(mutation: Mutation, base: Base) => number[]} */
export const changedBytes = ({ changes }, base) =>
  changes.flatMap(([at, bytes]) =>
    [...bytes].flatMap((byte, i) => (byte === base.file[at + i] ? [] : [addressOf(base, at + i)])),
  );

/** Whether one of the addresses is in one of the page-table entries. @type {(addresses: readonly number[], entries: readonly number[]) => boolean} */
export const inEntries = (addresses, entries) =>
  addresses.some((address) => entries.some((entry) => address >= entry && address < entry + ENTRY_BYTES));

/**
 * The kinds of readers of the frames of these bytes that count, as one text; null if there are none.
 *
 * @type {(addresses: readonly number[], readers: readonly Readers[], counts: (kind: string) => boolean) => string | null}
 */
export function kindsOf(addresses, readers, counts) {
  const frames = new Set(addresses.map((address) => Math.floor(address / PAGE)));
  const kinds = [...frames].flatMap((frame) => readers.flatMap((each) => [...(each.get(frame) ?? [])])).filter(counts);
  return kinds.length === 0 ? null : [...new Set(kinds)].sort().join(' and ');
}

/**
 * The physical address of a byte of a file whose pages are uncompressed.
 *
 * @type {(base: Base, offset: number) => number}
 */
function addressOf({ frames, regions }, offset) {
  const inside = offset - regions.pages[0];
  return present(frames[Math.floor(inside / PAGE)], `the frame at offset ${offset}`) * PAGE + (inside % PAGE);
}
