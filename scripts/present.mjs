// SPDX-License-Identifier: Apache-2.0
/**
 * Returns the value, which must exist: throws if it is null or undefined. `what` names it in the error.
 *
 * @template T
 * @param {T | null | undefined} value
 * @param {string} what
 * @returns {T}
 */
export function present(value, what) {
  if (value === null || value === undefined) throw new Error(`missing: ${what}`);
  return value;
}
