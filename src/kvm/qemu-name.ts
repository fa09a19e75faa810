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

/**
 * The guest's name in the value of `-name`; null if it has none. The value is a list of parameters, separated by commas
 * (util/qemu-option.c, opts_do_parse). The first one may lack its key. Of a repeated key the last value counts
 * (qemu_opt_find).
 */
function guestOf(value: string): string | null {
  let guest: string | null = null;
  for (let at = 0; at < value.length; ) {
    const key = /^[^=,]*=/.exec(value.slice(at))?.[0] ?? '';
    // A doubled comma is a comma of the value.
    const raw = /^(?:[^,]|,,)*/.exec(value.slice(at + key.length))?.[0] ?? '';
    const isGuest = key === 'guest=' || (at === 0 && key === '');
    if (isGuest) guest = raw.replaceAll(',,', ',');
    at += key.length + raw.length + 1;
  }
  return guest;
}
