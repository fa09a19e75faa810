// SPDX-License-Identifier: Apache-2.0

/** C0 and C1 controls, DEL, line separators, and what changes the direction of text or is not seen. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\ufeff]/gu;

/** A character as its number: `\x1b`, `\u202e`. */
export function escaped(letter: string): string {
  const code = letter.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * A text as one line that a terminal shows and does not obey. Every message goes through here when it is made: whatever
 * names out of a dump or a file were put into it, it stays what it looks like.
 */
export const oneLine = (text: string): string => text.replace(UNSAFE, escaped);
