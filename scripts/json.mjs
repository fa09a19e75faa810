// SPDX-License-Identifier: Apache-2.0
/**
 * JSON.parse without `any`: the caller casts the result to the type of the text.
 *
 * @type {(text: string) => unknown}
 */
export const parseJson = JSON.parse;
