// SPDX-License-Identifier: Apache-2.0

/** The smaller of two bigints: Math.min takes numbers only. */
export const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The greater of two bigints. */
export const greatest = (a: bigint, b: bigint): bigint => (a < b ? b : a);
