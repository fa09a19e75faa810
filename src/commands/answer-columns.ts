// SPDX-License-Identifier: Apache-2.0
// Members that the records of several commands share: what is known of a page, and how it was found.
import { columns, columnsFrom, made, record } from '../report/columns.js';
import { digitsOfWords } from '../report/hex.js';
import { count, digits, hex, list, nullable, numberOf, oneOf, type Type, text } from '../report/types.js';
import type { WalkStep } from '../spaces/page-lookup.js';
import type { SwapPlace } from '../spaces/space.js';

/** Bytes that a leaf entry maps. */
export const pageSizes = numberOf(4096, 2 ** 21, 2 ** 30);

/** The place of a page in swap. */
export const swapPlace = columns<SwapPlace>({
  type: [count(0, { maximum: 31 }), 'Number of the swap area.'],
  offset: [count(), 'Offset in the swap area, in pages.'],
  device: [nullable(text), 'Path of the swap device or file; null if it cannot be read.'],
});

const LEVELS = ['PGD', 'P4D', 'PUD', 'PMD', 'PTE'] as const;
const step = columnsFrom<WalkStep>({
  level: made(
    oneOf(...LEVELS) as Type<string>,
    'The level of the page table that contains the entry.',
    ({ level }) => level,
  ),
  address: made(hex, 'Physical address of the entry.', ({ address }) => address),
  entry: made(
    digits(({ hi, lo }: WalkStep) => digitsOfWords(hi, lo)),
    'The value of the entry in memory.',
    (entry: WalkStep) => entry,
  ),
});

/** Neighbouring addresses share the upper steps of their walks, so the text of each level is kept until it changes. */
export function walk(): Type<readonly WalkStep[]> {
  const whole = list(record(step), { maxItems: LEVELS.length });
  const write = record(step).json;
  const last: WalkStep[] = [];
  const texts: string[] = [];
  const json = (steps: readonly WalkStep[]): string => {
    let written = '';
    for (let i = 0; i < steps.length; i++) {
      const now = steps[i] as WalkStep;
      if (last[i] !== now) {
        last[i] = now;
        texts[i] = write(now);
      }
      written += i === 0 ? (texts[i] as string) : `,${texts[i] as string}`;
    }
    return `[${written}]`;
  };
  return { ...whole, json };
}
