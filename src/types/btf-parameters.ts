// SPDX-License-Identifier: Apache-2.0
import { wordsOf } from '../core/words.js';
import { KIND, kindOf, type TypeSection, vlenOf } from './btf-format.js';

/** Types that are looked at; those that one address needs are among the first hundred. */
const MOST = 128;

/** Counts the types of the parameters of the function at a place that are below `first`. */
function count(counts: Map<number, number>, words: Uint32Array, place: number, first: number): void {
  const end = Math.min(words.length, place + 3 + vlenOf(words[place + 1] as number) * 2);
  for (let i = place + 4; i < end; i += 2) {
    const type = words[i] as number;
    if (type > 0 && type < first) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
}

/**
 * IDs of the types of the base that the functions of a module take, the most frequent first: among them are pointers to the structures that
 * it works on. `starts`: offsets of the module's types; `first`: the ID of its first one; smaller ones are of the base.
 */
export function parameterTypes({ types }: TypeSection, starts: Uint32Array, first: number): readonly number[] {
  const counts = new Map<number, number>();
  const words = wordsOf(types.window(0, types.length));
  for (const at of starts) {
    const place = at >>> 2;
    if (kindOf(words[place + 1] as number) === KIND.FuncProto) count(counts, words, place, first);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.slice(0, MOST).map(([type]) => type);
}
