// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import { UNIT } from './constants.js';
import { Cursor } from './cursor.js';

/** A unit header: where the unit's entries are, and how they are encoded. Offsets are relative to the section. */
export interface UnitHeader {
  readonly start: number;
  /** Offset of the first entry, and (`end`) after the last. */
  readonly entries: number;
  readonly end: number;
  readonly version: number;
  /** Size of an offset in bytes: 8 in 64-bit DWARF. */
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
  readonly abbrevOffset: number;
  /** For type units: the signature, and (`typeOffset`) the offset of its type from the start of the unit. */
  readonly signature: bigint | null;
  readonly typeOffset: number;
}

/** Bytes of the longest header: that of a type unit in 64-bit DWARF 5. */
export const LONGEST_HEADER = 12 + 2 + 1 + 1 + 8 + 8 + 8;

/**
 * Reads the header at the start of `bytes`, which are at offset `start` of the section. `typeSection`: the section is
 * .debug_types, in which every unit has a signature (DWARF 4). Throws `DumpError` if it is not valid.
 */
export function readUnitHeader(bytes: Bytes, start: number, typeSection = false): UnitHeader {
  const cursor = new Cursor(bytes);
  const first = cursor.u32();
  const offsetSize = first === 0xffffffff ? 8 : 4;
  const length = offsetSize === 8 ? cursor.offset(8) : first;
  if (offsetSize === 4 && first >= 0xfffffff0)
    throw cursor.error(`a unit has the reserved length 0x${first.toString(16)}`);
  const end = start + cursor.at + length;
  const version = cursor.u16();
  if (version < 2 || version > 5) throw cursor.error(`DWARF version ${version} is not supported; supported: 2 to 5`);
  const type = version >= 5 ? cursor.u8() : typeSection ? UNIT.Type : UNIT.Compile;
  // In DWARF 5 the size of an address precedes the offset of abbreviations, in other versions it follows.
  const early = version >= 5 ? cursor.u8() : 0;
  const abbrevOffset = cursor.offset(offsetSize);
  const addressSize = version >= 5 ? early : cursor.u8();
  const isType = type === UNIT.Type || type === UNIT.SplitType;
  const signature = isType ? cursor.u64() : null;
  const typeOffset = isType ? cursor.offset(offsetSize) : 0;
  if (version >= 5 && (type === UNIT.Skeleton || type === UNIT.SplitCompile)) cursor.u64();
  return {
    start,
    entries: start + cursor.at,
    end,
    version,
    offsetSize,
    addressSize,
    abbrevOffset,
    signature,
    typeOffset,
  };
}
