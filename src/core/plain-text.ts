// SPDX-License-Identifier: Apache-2.0
import { UsageError } from './errors.js';

/** Byte order marks (U+FEFF) at the start of a text, one character per byte. */
const UTF_8 = '\xef\xbb\xbf';
const STDIN = 'standard input';
const UTF_16 = ['\xff\xfe', '\xfe\xff'];

/** Pieces of standard input without a byte order mark. A piece is held back only while it may be a part of a mark. */
export async function* plainPieces(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let start: string | null = '';
  for await (const piece of pieces) {
    if (start === null) {
      yield piece;
      continue;
    }
    start += piece;
    if ([UTF_8, ...UTF_16].some((mark) => mark !== start && mark.startsWith(start as string))) continue;
    yield plainText(start, STDIN);
    start = null;
  }
  if (start !== null && start !== '') yield plainText(start, STDIN);
}

/**
 * Removes the UTF-8 byte order mark that some editors write. `text` has one character per byte; `name` names it in the
 * error. Throws `UsageError` for UTF-16, in which every other byte is 0.
 */
export function plainText(text: string, name: string): string {
  if (UTF_16.some((mark) => text.startsWith(mark)))
    throw new UsageError(`${name} is text in UTF-16; convert it to UTF-8: iconv -f UTF-16 -t UTF-8`);
  return text.startsWith(UTF_8) ? text.slice(UTF_8.length) : text;
}
