// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';

/** The sections of one file of debug information, decompressed and relocated where they have to be. */
export interface DebugSections {
  /** For people: the file. */
  readonly name: string;
  /** Bytes of .debug_info, and of .debug_types (DWARF 4), which is read as if it lay behind it. */
  readonly infoSize: number;
  readonly typesSize: number;
  /** A piece of .debug_info, or of .debug_types from `infoSize` on. */
  info(offset: number, length: number): Bytes;
  readonly abbrev: Bytes;
  readonly str: Bytes | null;
  readonly lineStr: Bytes | null;
  readonly strOffsets: Bytes | null;
  /** The file that dwz moved common entries to (.gnu_debugaltlink), where it is at hand. */
  readonly alternate: DebugSections | null;
}
