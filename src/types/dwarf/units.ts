// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import { UNIT } from './constants.js';
import { Cursor } from './cursor.js';

/** A unit's header: where its entries are and how they are written. Offsets are from the section's start. */
export interface UnitHeader {
  readonly start: number;
  /** Of the first entry, and one behind the last. */
  readonly entries: number;
  readonly end: number;
  readonly version: number;
  /** Bytes of an offset: 8 in 64-bit DWARF. */
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
  readonly abbrevOffset: number;
  /** Of type units: their signature, and the entry it names, from the unit's start. */
  readonly signature: bigint | null;
  readonly typeOffset: number;
}

/** The longest header there is: 64-bit DWARF 5 of a type unit. */
export const LONGEST_HEADER = 12 + 2 + 1 + 1 + 8 + 8 + 8;

/**
 * The header at the start of `bytes`, which begin at `start` of the section. `typeSection`: of .debug_types, where
 * every unit of DWARF 4 has a signature.
 */
export function readUnitHeader(bytes: Bytes, start: number, typeSection = false): UnitHeader {
  const cursor = new Cursor(bytes);
  const first = cursor.u32();
  const offsetSize = first === 0xffffffff ? 8 : 4;
  const length = offsetSize === 8 ? cursor.offset(8) : first;
  if (offsetSize === 4 && first >= 0xfffffff0) throw cursor.error(`a unit of reserved length 0x${first.toString(16)}`);
  const end = start + cursor.at + length;
  const version = cursor.u16();
  if (version < 2 || version > 5) throw cursor.error(`DWARF version ${version}; 2 to 5 are known`);
  const type = version >= 5 ? cursor.u8() : typeSection ? UNIT.Type : UNIT.Compile;
  // DWARF 5 tells the size of an address first, the others after the abbreviations.
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
