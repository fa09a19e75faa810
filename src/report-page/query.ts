// SPDX-License-Identifier: Apache-2.0

/** The words of a query. All of them must be found. */
export const wordsOf = (query: string): string[] =>
  query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');

/** Whether a text in lower case has all words. */
export const isFound = (text: string, words: readonly string[]): boolean => words.every((word) => text.includes(word));
