// SPDX-License-Identifier: Apache-2.0

/** Centres text in a width, as crash does. `odd`: the side that gets the extra blank. */
export function centre(text: string, width: number, odd: 'right' | 'left' = 'right'): string {
  const spare = Math.max(0, width - text.length);
  const left = odd === 'right' ? Math.floor(spare / 2) : Math.ceil(spare / 2);
  return ' '.repeat(left) + text + ' '.repeat(spare - left);
}
