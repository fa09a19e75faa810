// SPDX-License-Identifier: Apache-2.0
import { KIND, kindOf, type TypeSection, vlenOf } from './btf-format.js';

/** Types that are looked at; those that one address needs are among the first hundred. */
const MOST = 128;

/**
 * IDs of the types of the base that the functions of a module take, the most frequent first: among them are pointers to the structures that
 * it works on. `starts`: offsets of the module's types; `first`: the ID of its first one; smaller ones are of the base.
 */
export function parameterTypes({ types }: TypeSection, starts: Uint32Array, first: number): readonly number[] {
  const counts = new Map<number, number>();
  for (const at of starts) {
    const info = types.u32(at + 4);
    if (kindOf(info) !== KIND.FuncProto) continue;
    for (let i = 0; i < vlenOf(info); i++) {
      const type = types.u32(at + 16 + i * 8);
      if (type > 0 && type < first) counts.set(type, (counts.get(type) ?? 0) + 1);
    }
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.slice(0, MOST).map(([type]) => type);
}
