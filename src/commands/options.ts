// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';

/** An option of a command, as data: the command line, help, the man page and the shells' completion come from it. */
export interface OptionSpec<out T> {
  readonly summary: string;
  /** One letter. */
  readonly short?: string;
  /** What the value is called; an option without one is a flag. */
  readonly value?: string;
  /** Can be given again: its value is the list of all. */
  readonly repeats?: boolean;
  /** Takes several values at a time. */
  readonly many?: boolean;
  /** The only values that it takes. */
  readonly choices?: readonly string[];
  /** Throws `UsageError` for a text that it can't be. */
  readonly parse?: (text: string) => T;
  /** Its value where it is not given. */
  readonly default: T;
  /** What a shell completes its value to. */
  readonly completes?: 'file' | 'folder';
}

/** Options by their names on the command line in camel case: `kvmModule` is `--kvm-module`. */
export type Options = Readonly<Record<string, OptionSpec<unknown>>>;

/** What the options of a command were given as. */
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends OptionSpec<infer T> ? T : never };

interface About {
  readonly short?: string;
  readonly completes?: 'file' | 'folder';
}

export const flag = (summary: string, about: About = {}): OptionSpec<boolean> => ({
  ...about,
  summary,
  default: false,
});

/** An option with a text; null where it is not given. */
export const valued = (value: string, summary: string, about: About = {}): OptionSpec<string | null> => ({
  ...about,
  value,
  summary,
  default: null,
});

export const file = (summary: string, about: About = {}): OptionSpec<string | null> =>
  valued('file', summary, { ...about, completes: 'file' });

/** An option that can be given again and again. */
export const repeated = (value: string, summary: string, about: About = {}): OptionSpec<readonly string[]> => ({
  ...about,
  value,
  summary,
  repeats: true,
  default: [],
});

export const chosen = <Word extends string>(
  value: string,
  summary: string,
  choices: readonly [Word, ...Word[]],
): OptionSpec<Word> => ({ value, summary, choices, default: choices[0] });

/** A value that `read` makes of the text; where it makes null of it, `expected` says what should have been there. */
export const parsed = <T>(
  value: string,
  summary: string,
  start: T,
  { read, expected, ...about }: About & { read: (text: string) => T | null; expected: string },
): OptionSpec<T> => ({
  ...about,
  value,
  summary,
  default: start,
  parse(text) {
    const made = read(text);
    if (made === null) throw new UsageError(expected);
    return made;
  },
});

/** --address-space of every command that works on a VM's memory. */
export const addressSpace: OptionSpec<number> = parsed(
  'number',
  "KVM's address space: 0 is the ordinary one, 1 that of SMM",
  0,
  {
    read: (text) => (/^[0-9]{1,3}$/.test(text) ? Number(text) : null),
    expected: '0 is the ordinary one, 1 that of SMM.',
  },
);

/** What a file is written to, and whether it may be there before. */
export const output = {
  output: file('the file to write', { short: 'o' }),
  force: flag('overwrite it if it exists'),
};
