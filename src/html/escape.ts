// SPDX-License-Identifier: Apache-2.0
// Text in a page. Names in a dump can have been written by an attacker; they must not become elements or scripts.
import { oneLine } from '../core/one-line.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as the content of an element, or of an attribute in quotes. Control characters are shown as escape sequences. */
export const html = (text: string): string => oneLine(text).replace(/[&<>"']/g, (letter) => ENTITIES[letter] as string);

/** JSON as the content of a `script` element, whose end is the only markup in it. Line separators are escaped, too. */
export const jsonInScript = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
