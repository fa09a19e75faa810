// SPDX-License-Identifier: Apache-2.0

/** Random numbers that are the same in every run. @typedef {ReturnType<typeof random>} Dice */

/**
 * Numbers that depend on the seed and the mutant alone (mulberry32).
 *
 * @param {number} seed
 * @param {number} mutant
 */
export function random(seed, mutant) {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(mutant + 1, 0xc2b2ae35)) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return {
    /** 0 to `below` - 1. @type {(below: number) => number} */
    below: (below) => next() % Math.max(1, below),
    /**
     * A random element of a list, which must not be empty.
     *
     * @template T
     * @param {readonly T[]} list
     */
    pick(list) {
      if (list.length === 0) throw new Error('the list is empty');
      return /** @type {T} */ (list[next() % list.length]);
    },
  };
}
