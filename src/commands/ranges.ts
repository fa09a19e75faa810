// SPDX-License-Identifier: Apache-2.0
import { least } from '../core/bigints.js';
import { UsageError } from '../core/errors.js';
import { type AskedRange, parseRange } from '../core/text.js';
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

/** What was asked for: the ranges in the order in which they were given; and their pages, ascending, each in one range. */
export interface AskedPages {
  readonly each: readonly { readonly range: AskedRange; readonly pages: PageRange }[];
  readonly pages: readonly PageRange[];
}

/** Guest physical addresses end here, in pages: at 2^64. */
const END = 2n ** 52n;

/**
 * The pages that the ranges touch; null if none was asked for. Throws `UsageError` for a line of standard input that is not
 * a range, and if standard input is empty.
 */
export async function pagesOf(context: Pick<Context<Options, AskedRange>, 'asked'>): Promise<AskedPages | null> {
  const asked = await rangesOf(context);
  if (asked === null) return null;
  const each = asked.map((range) => ({ range, pages: pagesOfRange(range) }));
  return { each, pages: merged(each.map(({ pages }) => pages)) };
}

/** The ranges themselves; null if none was asked for. Throws what `pagesOf` throws. */
export async function rangesOf({ asked }: Pick<Context<Options, AskedRange>, 'asked'>): Promise<AskedRange[] | null> {
  const all: AskedRange[] = [];
  let isAsked = false;
  for await (const group of asked) {
    isAsked = true;
    for (const range of group) {
      if (range instanceof BadLine) throw new UsageError(range.problem(ranges));
      all.push(range);
    }
  }
  if (isAsked && all.length === 0) throw new UsageError('standard input has no ranges');
  return isAsked ? all : null;
}

/** The pages that a range touches. What is beyond all addresses has one page: the first after them. */
function pagesOfRange({ first, last }: AskedRange): PageRange {
  const from = Number(least(first / 4096n, END));
  return { first: from, end: Math.max(Number(least(last / 4096n + 1n, END)), from + 1) };
}
