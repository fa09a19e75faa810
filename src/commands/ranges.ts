// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { type AskedRange, parseRange, printable } from '../core/text.js';
import { merged, type PageRange } from '../spaces/ranges.js';
import { type Args, BadLine, type Context } from './command.js';
import type { Options } from './options.js';

/** Ranges of guest physical addresses, given with -p or as words. */
export const ranges: Args<AskedRange> = {
  name: 'range',
  summary: 'a range of guest physical addresses, as with -p',
  number: 'any',
  option: {
    name: 'physical',
    short: 'p',
    summary:
      'ranges of guest physical addresses, hexadecimal: FIRST-LAST or FIRST+SIZE; - reads them from standard input, one per line (default: all memory)',
  },
  missing: 'ranges of guest physical addresses',
  stdin: true,
  parse: parseRange,
  invalid: (word) => `'${word}' is not a range of hexadecimal addresses: FIRST-LAST or FIRST+SIZE`,
};

/**
 * The pages that the ranges touch, ascending, each in one range; null if none was asked for. Throws `UsageError` for a line
 * of standard input that is not a range.
 */
export async function pagesOf({ asked }: Context<Options, AskedRange>): Promise<PageRange[] | null> {
  const pages: PageRange[] = [];
  let isAsked = false;
  for await (const group of asked) {
    isAsked = true;
    for (const range of group) {
      if (range instanceof BadLine)
        throw new UsageError(`standard input, line ${range.line}: ${ranges.invalid(printable(range.text))}`);
      pages.push({ first: Number(range.first / 4096n), end: Number(range.last / 4096n) + 1 });
    }
  }
  if (isAsked && pages.length === 0) throw new UsageError('standard input has no ranges');
  return isAsked ? merged(pages) : null;
}
