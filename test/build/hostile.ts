// SPDX-License-Identifier: Apache-2.0
// Names as an attacker would write them.
import fc from 'fast-check';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are searched for
export const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;
/** Characters that a terminal interprets, or does not show. */
export const OBEYED = new RegExp(`${CONTROL.source}|[\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]`);

/** Three bytes other than 0, often such as confuse terminals and tables. */
export const three = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)),
      fc.constantFrom('"', "'", '\\', ',', ';', '\n', '\r', '\t', '\b', '\x7f', '\x85', '\x9b'),
    ),
    { minLength: 3, maxLength: 3 },
  )
  .map((letters) => letters.join(''));
/** RIGHT-TO-LEFT OVERRIDE and similar characters, which are three bytes in UTF-8. */
export const bidi = fc
  .integer({ min: 0x2028, max: 0x202e })
  .map((letter) => Buffer.from(String.fromCodePoint(letter)).toString('latin1'));
