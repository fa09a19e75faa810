// SPDX-License-Identifier: Apache-2.0
// Headers that are read once per dump, with the readers generated from parsers/*.ksy. What is read per page is read by
// hand elsewhere: a Kaitai reader takes 20 to 60 times as long (docs/dependencies.md).

import kaitai from 'kaitai-struct';
import elf64Core, { type Elf64Core } from '#parsers/Elf64Core.cjs';
import kdumpHeader, { type KdumpHeader } from '#parsers/KdumpHeader.cjs';
import kdumpSubHeader, { type KdumpSubHeader } from '#parsers/KdumpSubHeader.cjs';
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';

export type { Elf64Core, KdumpHeader, KdumpSubHeader };

/** Size of each header in the file, in bytes. */
export const ELF_HEADER_SIZE = 64;
export const KDUMP_HEADER_SIZE = 464;
export const KDUMP_SUB_HEADER_SIZE = 104;

type Word64 = Readonly<Record<'lo' | 'hi', number>>;

export const readElfHeader = (bytes: Bytes): Elf64Core => read(elf64Core.Elf64Core, bytes, 'ELF header');
export const readKdumpHeader = (bytes: Bytes): KdumpHeader => read(kdumpHeader.KdumpHeader, bytes, 'kdump header');
export const readKdumpSubHeader = (bytes: Bytes): KdumpSubHeader =>
  read(kdumpSubHeader.KdumpSubHeader, bytes, 'kdump sub-header');

/** A 64-bit field as a JavaScript number. Throws `DumpError` from 2^53 on, which no valid file offset reaches. */
export function numberOf(word: Word64, what: string): number {
  if (word.hi >= 0x200000) throw new DumpError(`${what} is 0x${bigintOf(word).toString(16)}, too large to be valid`);
  return word.hi * 0x100000000 + word.lo;
}

export const bigintOf = (word: Word64): bigint => (BigInt(word.hi) << 32n) | BigInt(word.lo);

function read<T>(Header: new (stream: object) => T, bytes: Bytes, what: string): T {
  try {
    return new Header(streamOf(bytes));
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new DumpError(`${what}: ${problem}`, { place: bytes.place, cause });
  }
}

/** The runtime's declarations describe a module, but its code exports a constructor; hence the cast. */
function streamOf(bytes: Bytes): object {
  const Stream = kaitai.KaitaiStream as unknown as new (view: DataView) => object;
  return new Stream(bytes.view);
}
