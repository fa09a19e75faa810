// SPDX-License-Identifier: Apache-2.0

/** C0 and C1 controls, DEL, line separators, and characters that change the direction of text or are invisible. */
export const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\ufeff]/gu;

/** The escape sequence for a character: `\x1b`, `\u202e`. */
export function escaped(letter: string): string {
  const code = letter.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * Escapes what a terminal would interpret and not show, line ends included. Every message passes through here when it
 * is made, because it may contain names from a dump or a file.
 */
export const oneLine = (text: string): string => text.replace(UNSAFE, escaped);
