// SPDX-License-Identifier: Apache-2.0
// makedumpfile's flattened form (makedumpfile -F): the pieces of another file, each preceded by a record with its
// offset and length.

/** @import { Form, Span } from './form.mjs' */

const HEADER_BYTES = 4096;
const RECORD_BYTES = 16;
const PIECE_BYTES = 0x10000;

/**
 * The flattened form of a kdump file, in pieces of 64 KiB.
 *
 * @param {Buffer} file
 * @param {{ header: Span, 'sub-header': Span, descriptors: Span, pages: Span }} regions of `file`
 * @returns {Form}
 */
export function flattened(file, regions) {
  /** @type {Buffer[]} */
  const parts = [header()];
  /** @type {Span[]} */
  const records = [];
  let at = HEADER_BYTES;
  for (let offset = 0; offset < file.length; offset += PIECE_BYTES) {
    const piece = file.subarray(offset, offset + PIECE_BYTES);
    parts.push(record(offset, piece.length), piece);
    records.push([at, at + RECORD_BYTES]);
    at += RECORD_BYTES + piece.length;
  }
  parts.push(record(-1, -1));
  records.push([at, at + RECORD_BYTES]);
  return {
    file: Buffer.concat(parts),
    regions: {
      header: movedSpan(regions.header),
      'sub-header': movedSpan(regions['sub-header']),
      descriptors: movedSpan(regions.descriptors),
      records,
      pages: [moved(regions.pages[0]), at],
    },
    plain: false,
  };
}

function header() {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write('makedumpfile', 'latin1');
  // Type and version.
  bytes.writeBigInt64BE(1n, 16);
  bytes.writeBigInt64BE(1n, 24);
  return bytes;
}

/** @type {(offset: number, length: number) => Buffer} */
function record(offset, length) {
  const bytes = Buffer.alloc(RECORD_BYTES);
  bytes.writeBigInt64BE(BigInt(offset), 0);
  bytes.writeBigInt64BE(BigInt(length), 8);
  return bytes;
}

/** The offset of a byte of the file in its flattened form. @type {(offset: number) => number} */
const moved = (offset) => HEADER_BYTES + offset + RECORD_BYTES * (Math.floor(offset / PIECE_BYTES) + 1);

/** @type {(span: Span) => Span} */
const movedSpan = ([start, end]) => [moved(start), moved(end)];
