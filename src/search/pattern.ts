// SPDX-License-Identifier: Apache-2.0

/** Thrown for what is not a regular expression. */
export class BadPattern extends Error {}

/** Parts of a regular expression: quoted text, an escape, a POSIX class, the start of a class, or one character. */
const PART = /\\Q(.*?)(?:\\E|$)|\\(.)|\[:\^?\w+:\]|\[\^?\]?|./gsu;

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);

/** The bytes of text beyond ASCII, as characters up to U+00FF. Without (?i), which would take other bytes for them. */
const group = (text: string): string => `(?-i:${Buffer.from(text, 'utf8').toString('latin1')})`;

/**
 * A regular expression (RE2's syntax) for bytes, each a character from U+0000 to U+00FF, that matches what `pattern` matches
 * in UTF-8: a character beyond ASCII becomes a group of the bytes that it has there. A single byte is written as \x{e9}.
 * Throws `BadPattern` for such a character in a class, which stands for one byte.
 */
export function bytePattern(pattern: string): string {
  if (isAscii(pattern)) return pattern;
  let inClass = false;
  return pattern.replace(PART, (part: string, text: string | undefined) => {
    if (text !== undefined && !inClass)
      return text.replace(/[\0-\x7f]+|./gsu, (run) => (isAscii(run) ? `\\Q${run}\\E` : group(run)));
    if (isAscii(part)) {
      inClass = isInClass(inClass, part);
      return part;
    }
    if (inClass) throw new BadPattern(`a class stands for one byte, and '${part}' has several: write (?:a|b) for [ab]`);
    if (part.length > 1 && part.startsWith('\\')) throw new BadPattern(`invalid escape sequence: ${part}`);
    return group(part);
  });
}

/** Whether what follows a part is in a class. */
function isInClass(before: boolean, part: string): boolean {
  if (part.startsWith('[:') || part.startsWith('\\')) return before;
  return before ? !part.endsWith(']') : part.startsWith('[');
}
