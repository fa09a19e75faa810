// SPDX-License-Identifier: Apache-2.0
/**
 * JSON.parse without `any`: the caller says what the text holds, by a cast.
 *
 * @type {(text: string) => unknown}
 */
export const parseJson = JSON.parse;
