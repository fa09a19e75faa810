// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';

/** The sections of a file of debug information, decompressed and relocated as needed. */
export interface DebugSections {
  /** For display: the file. */
  readonly name: string;
  /** Sizes in bytes of .debug_info, and of .debug_types (DWARF 4), which is addressed as if it followed .debug_info. */
  readonly infoSize: number;
  readonly typesSize: number;
  /** Bytes of .debug_info, or of .debug_types from offset `infoSize` on. */
  info(offset: number, length: number): Bytes;
  readonly abbrev: Bytes;
  readonly str: Bytes | null;
  readonly lineStr: Bytes | null;
  readonly strOffsets: Bytes | null;
  /** The file that dwz moved common entries to (.gnu_debugaltlink); null if there is none, or it was not found. */
  readonly alternate: DebugSections | null;
}
