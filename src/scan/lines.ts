// SPDX-License-Identifier: Apache-2.0
// Files of JSON lines. Only a line feed ends a line: a JSON text can have U+2028, which readline takes for an end.
import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK = 0x10000;
const FEED = 10;

/** The contents of a file, in pieces. */
export function* piecesOfFile(path: string): Generator<Uint8Array> {
  const descriptor = openSync(path, 'r');
  try {
    for (;;) {
      const piece = Buffer.alloc(CHUNK);
      const got = readSync(descriptor, piece);
      if (got === 0) return;
      yield piece.subarray(0, got);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The lines of pieces that can end anywhere, without their ends. A last line without an end is one, too. */
export function* linesOf(pieces: Iterable<string | Uint8Array>): Generator<string> {
  let rest = Buffer.alloc(0);
  for (const piece of pieces) {
    const bytes = Buffer.from(piece as string);
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let from = 0;
    for (let end = rest.indexOf(FEED); end >= 0; end = rest.indexOf(FEED, from)) {
      yield rest.toString('utf8', from, end);
      from = end + 1;
    }
    rest = rest.subarray(from);
  }
  if (rest.length > 0) yield rest.toString('utf8');
}
