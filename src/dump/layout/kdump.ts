// SPDX-License-Identifier: Apache-2.0
// Constants of the kdump-compressed format, for the reader and the writer (makedumpfile diskdump_mod.h).

/** 'KDUMP   ' as two little-endian words. */
export const KDUMP_MAGIC = [0x4d55444b, 0x20202050] as const;
/** Size in bytes of a page descriptor {offset s64, size u32, flags u32, page_flags u64}. */
export const PAGE_DESCRIPTOR_SIZE = 24;
/** Flags of a page descriptor; if none of them is set, the page is not compressed. */
export const PAGE_ZLIB = 0x1;
export const PAGE_LZO = 0x2;
export const PAGE_SNAPPY = 0x4;
export const PAGE_ZSTD = 0x20;
/** Bit of `status` in the header: the writer stopped before the end. */
export const STATUS_INCOMPLETE = 0x8;
/** Name of the note that marks an excerpt: frames that are not in the file may exist in the machine. */
export const EXCERPT_NOTE = 'kvm-vtop excerpt';
