// SPDX-License-Identifier: Apache-2.0

/**
 * Binary search: the first index below `count` for which `holds` is true; `count` if there is none. Where `holds` is
 * true, it must be true for all higher indices.
 */
export function lowerBound(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
