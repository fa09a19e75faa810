// SPDX-License-Identifier: Apache-2.0

/** Pages from `first` to `end` - 1. */
export interface PageRange {
  readonly first: number;
  readonly end: number;
}

/** The same pages as ascending ranges of which none touches another. */
export function merged(ranges: readonly PageRange[]): PageRange[] {
  const made: { first: number; end: number }[] = [];
  for (const { first, end } of [...ranges].sort((a, b) => a.first - b.first)) {
    const last = made.at(-1);
    if (last !== undefined && first <= last.end) last.end = Math.max(last.end, end);
    else if (first < end) made.push({ first, end });
  }
  return made;
}

/** The part of a range that is in another one; null if there is none. */
export function common(a: PageRange, b: PageRange): PageRange | null {
  const [first, end] = [Math.max(a.first, b.first), Math.min(a.end, b.end)];
  return first < end ? { first, end } : null;
}
