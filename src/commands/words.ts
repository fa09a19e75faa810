// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { type AskedAddress, type AskedRange, parseAddress, parseRange } from '../core/text.js';
import { type Args, BadLine, type Context } from './command.js';
import type { Options } from './options.js';

/** An address, or a range of addresses. */
export type Word = AskedAddress | AskedRange;

export const isAddress = (word: Word): word is AskedAddress => 'digits' in word;

export const parseWord = (word: string): Word | null => (/[-+]/.test(word) ? parseRange(word) : parseAddress(word));

export const notAWord = (word: string): string =>
  `'${word}' is not a hexadecimal address or a range of them (FIRST-LAST or FIRST+SIZE)`;

/** Addresses and ranges of a guest's memory, given with -p or as words. */
export const guestWords: Args<Word> = {
  name: 'address',
  summary: 'an address or a range, as with -p',
  number: 'some',
  option: {
    name: 'physical',
    short: 'p',
    summary:
      'guest physical addresses, hexadecimal, or ranges of them: FIRST-LAST or FIRST+SIZE; - reads them from standard input, one per line',
  },
  missing: 'the addresses',
  stdin: true,
  parse: parseWord,
  invalid: notAWord,
};

/** The words of each group. Throws `UsageError` for a line of standard input that is not one. */
export async function* wordsOf({ asked }: Pick<Context<Options, Word>, 'asked'>): AsyncGenerator<readonly Word[]> {
  for await (const group of asked)
    yield group.map((word) => {
      if (word instanceof BadLine) throw new UsageError(word.problem(guestWords));
      return word;
    });
}
