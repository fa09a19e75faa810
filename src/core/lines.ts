// SPDX-License-Identifier: Apache-2.0
import { plainPieces } from './plain-text.js';

/** Most characters that are kept of a line. No valid address is nearly as long. */
export const LONGEST_LINE = 0x10000;

/** A line without its line ending. `cut`: the line was longer than `LONGEST_LINE`, and the rest is lost. */
export interface Line {
  readonly text: string;
  readonly cut: boolean;
}

/** Splits text that arrives in pieces into lines. A batch has the lines that one piece completed. Memory is bounded. */
export async function* lineBatches(pieces: AsyncIterable<string>): AsyncGenerator<readonly Line[]> {
  let rest = '';
  let cut = false;
  for await (const piece of plainPieces(pieces)) {
    const parts = piece.split('\n');
    const last = parts.pop() ?? '';
    const batch = parts.map((part, i) => (i === 0 ? ended(rest + part, cut) : ended(part, false)));
    if (parts.length > 0) {
      rest = '';
      cut = false;
    }
    cut ||= rest.length + last.length > LONGEST_LINE;
    rest = (rest + last).slice(0, LONGEST_LINE);
    yield batch;
  }
  if (rest !== '') yield [ended(rest, cut)];
}

const ended = (text: string, cut: boolean): Line => ({
  text: text.slice(0, LONGEST_LINE).trim(),
  cut: cut || text.length > LONGEST_LINE,
});
