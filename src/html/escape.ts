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

/** JSON as the content of a `script` element, whose end is the only markup in it. */
export const jsonInScript = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');
