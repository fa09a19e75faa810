// SPDX-License-Identifier: Apache-2.0
// Names as somebody who means harm would write them.
import fc from 'fast-check';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;
/** What a terminal obeys, or does not show as what it is. */
export const OBEYED = new RegExp(`${CONTROL.source}|[\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]`);

/** Three bytes of anything but the end of a text, with what terminals and tables trip over among them. */
export const three = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)),
      fc.constantFrom('"', "'", '\\', ',', ';', '\n', '\r', '\t', '\b', '\x7f', '\x85', '\x9b'),
    ),
    { minLength: 3, maxLength: 3 },
  )
  .map((letters) => letters.join(''));
/** RIGHT-TO-LEFT OVERRIDE and its like in UTF-8 are three bytes. */
export const bidi = fc
  .integer({ min: 0x2028, max: 0x202e })
  .map((letter) => Buffer.from(String.fromCodePoint(letter)).toString('latin1'));
