// SPDX-License-Identifier: Apache-2.0
import { wordsOf } from '../core/words.js';
import { KIND, kindOf, type TypeSection, vlenOf } from './btf-format.js';

/** Types that are looked at; those that one address needs are among the first hundred. */
const MOST = 128;

/**
 * IDs of the types of the base that the functions of a module take, the most frequent first: among them are pointers to the structures that
 * it works on. `starts`: offsets of the module's types; `first`: the ID of its first one; smaller ones are of the base.
 */
export function parameterTypes({ types }: TypeSection, starts: Uint32Array, first: number): readonly number[] {
  const counts = new Map<number, number>();
  const words = wordsOf(types.window(0, types.length));
  for (const at of starts) {
    const place = at >>> 2;
    const info = words[place + 1] as number;
    if (kindOf(info) !== KIND.FuncProto) continue;
    const end = Math.min(words.length, place + 3 + vlenOf(info) * 2);
    for (let i = place + 4; i < end; i += 2) {
      const type = words[i] as number;
      if (type > 0 && type < first) counts.set(type, (counts.get(type) ?? 0) + 1);
    }
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.slice(0, MOST).map(([type]) => type);
}
