// SPDX-License-Identifier: Apache-2.0

/** Columns as crash sets them: text centred in a width, the odd blank to the right, or to the left. */
export function centre(text: string, width: number, odd: 'right' | 'left' = 'right'): string {
  const spare = Math.max(0, width - text.length);
  const left = odd === 'right' ? Math.floor(spare / 2) : Math.ceil(spare / 2);
  return ' '.repeat(left) + text + ' '.repeat(spare - left);
}
