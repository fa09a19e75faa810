// SPDX-License-Identifier: Apache-2.0

/** The first index below `count` for which `holds` is true, where it is true for all behind one; else `count`. */
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
