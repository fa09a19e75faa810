// SPDX-License-Identifier: Apache-2.0

/** What QEMU was told to call its guest (system/vl.c, parse_name; qemu-options.hx): `-name [guest=]NAME`, `-uuid UUID`. */
export interface GuestName {
  /** Null where no option gives one. */
  readonly name: string | null;
  /** In lower case. */
  readonly uuid: string | null;
}

/** The last of each option counts. */
export function guestName(words: readonly string[]): GuestName {
  let [name, uuid]: [string | null, string | null] = [null, null];
  for (let i = 1; i + 1 < words.length; i++) {
    const option = /^--?(name|uuid)$/.exec(words[i] as string)?.[1];
    if (option === undefined) continue;
    const value = words[++i] as string;
    if (option === 'uuid') uuid = value.toLowerCase();
    else name = guestOf(value) ?? name;
  }
  return { name, uuid };
}

/** Parameters are separated by commas, of which two stand for one in a value; the first one may lack its key. */
function guestOf(value: string): string | null {
  // A NUL ends a word, so there is none inside of it.
  const parameters = value
    .replaceAll(',,', '\0')
    .split(',')
    .map((text) => text.replaceAll('\0', ','));
  const [first = ''] = parameters;
  if (!first.includes('=')) return first;
  const guest = parameters.find((text) => text.startsWith('guest='));
  return guest === undefined ? null : guest.slice('guest='.length);
}
