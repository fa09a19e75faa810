// SPDX-License-Identifier: Apache-2.0
// Where things are in the module's memory of four pages (256 KiB). Nothing is allocated, so there is no run-time library.

/** Bits of a code that the first table is indexed with; the rest of longer codes is looked up in a second one. */
export const LITERAL_ROOT: i32 = 10;
export const DISTANCE_ROOT: i32 = 8;
export const LENGTH_ROOT: i32 = 7;

/** Lengths in bits of the codes of a block, a byte each. */
export const LENGTHS: usize = 0x100;
/** How many codes there are of each length (0 to 15), and where those of a length begin in SORTED; 32 bits each. */
export const COUNTS: usize = 0x300;
export const STARTS: usize = 0x340;
/** Symbols ordered by the length of their codes, 16 bits each. */
export const SORTED: usize = 0x400;

/** What a symbol stands for, as an entry of a table without the length of its code (huffman.ts). */
export const LITERAL_MEANINGS: usize = 0x700;
export const DISTANCE_MEANINGS: usize = 0xc00;
export const LENGTH_MEANINGS: usize = 0xd00;

/**
 * Tables of 32-bit entries. A complete code of 286 symbols and 15 bits needs at most 1,334 entries with a root of 10 bits, one of
 * 30 symbols at most 402 with a root of 8.
 */
export const LENGTH_TABLE: usize = 0x1000;
export const FIXED_LITERALS: usize = 0x2000;
export const FIXED_DISTANCES: usize = 0x3000;
export const LITERALS: usize = 0x4000;
export const DISTANCES: usize = 0x6000;

/** Most bytes of a stream, and of what it decodes to. */
export const MOST: i32 = 0x10000;
/** The stream. The bits of a block's header are read without a look at the end: less than 1 KiB. */
export const INPUT: usize = 0x8000;
/** What it decodes to. Three literals, a match of 258 bytes and the rest of its last words are written without a look at the end. */
export const OUTPUT: usize = 0x18800;
