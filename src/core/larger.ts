// SPDX-License-Identifier: Apache-2.0

/** A copy of a column of numbers with room for twice as many. */
export function larger<A extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(column: A): A {
  const copy = new (column.constructor as new (length: number) => A)(column.length * 2);
  copy.set(column);
  return copy;
}
