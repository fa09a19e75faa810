// SPDX-License-Identifier: Apache-2.0
// Types that the forms of a dump share.

/**
 * Offsets in a file: of the first byte, and of the one after the last.
 *
 * @typedef {[start: number, end: number]} Span
 */

/**
 * A structure that is contiguous in the file.
 *
 * @typedef {'header' | 'sub-header' | 'notes' | 'bitmap of memory' | 'bitmap of pages' | 'descriptors' |
 *   'program headers' | 'pages'} Part
 */

/**
 * The places of a file's structures. `records`: the record headers of makedumpfile's flattened form.
 *
 * @typedef {Partial<Record<Part, Span>> & { readonly pages: Span, readonly records?: readonly Span[] }} Regions
 */

/**
 * A file in one of the forms. `plain`: its pages are uncompressed, in the order of their frames.
 *
 * @typedef {{ readonly file: Buffer, readonly regions: Regions, readonly plain: boolean }} Form
 */

export {};
