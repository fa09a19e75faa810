// SPDX-License-Identifier: Apache-2.0

/** The guest's name and UUID in QEMU's options `-name [guest=]NAME`, `-uuid UUID` (system/vl.c, parse_name). */
export interface GuestName {
  /** Null if there is no such option. */
  readonly name: string | null;
  /** In lower case. */
  readonly uuid: string | null;
}

/** Reads the options from a command line. If an option is repeated, the last one counts. */
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

/** The guest's name in the value of `-name`: parameters separated by commas (`,,` is a comma); the first may lack its key. */
function guestOf(value: string): string | null {
  // Words end at a NUL, so they do not contain one.
  const parameters = value
    .replaceAll(',,', '\0')
    .split(',')
    .map((text) => text.replaceAll('\0', ','));
  const [first = ''] = parameters;
  if (!first.includes('=')) return first;
  const guest = parameters.find((text) => text.startsWith('guest='));
  return guest === undefined ? null : guest.slice('guest='.length);
}
