// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';

/** The definition of an option. The parser, help, the man page and the completion scripts are made from it. */
export interface OptionSpec<out T> {
  readonly summary: string;
  /** The short option: one letter. */
  readonly short?: string;
  /** The name of the value in help; an option without it is a flag. */
  readonly value?: string;
  /** The option can be repeated; its value is the list of all values given. */
  readonly repeats?: boolean;
  /** The option takes several values at a time. */
  readonly many?: boolean;
  /** Names of options that can't be given with it. */
  readonly excludes?: readonly string[];
  /** The only valid values. */
  readonly choices?: readonly string[];
  /** Converts the text of a value. Throws `UsageError` if it is not valid. */
  readonly parse?: (text: string) => T;
  /** The value if the option is not given. */
  readonly default: T;
  /** The command writes the file that the value names, instead of output that can be compared. */
  readonly writes?: boolean;
  /** What a shell completes the value to. */
  readonly completes?: 'file' | 'folder';
}

/** Options by name in camel case: `kvmModule` is `--kvm-module`. */
export type Options = Readonly<Record<string, OptionSpec<unknown>>>;

/** The values of a command's options. */
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends OptionSpec<infer T> ? T : never };

interface About {
  readonly short?: string;
  readonly excludes?: readonly string[];
  readonly writes?: boolean;
  readonly completes?: 'file' | 'folder';
}

export const flag = (summary: string, about: About = {}): OptionSpec<boolean> => ({
  ...about,
  summary,
  default: false,
});

/** An option whose value is a text; null if it is not given. */
export const valued = (value: string, summary: string, about: About = {}): OptionSpec<string | null> => ({
  ...about,
  value,
  summary,
  default: null,
});

export const file = (summary: string, about: About = {}): OptionSpec<string | null> =>
  valued('file', summary, { ...about, completes: 'file' });

/** An option that can be repeated. */
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

/** An option whose value `read` converts from text; if that returns null, the error message is `expected`. */
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

/** --address-space, for commands that work on a VM's memory. */
export const addressSpace: OptionSpec<number> = parsed(
  'number',
  "KVM's address space: 0 is the normal one, 1 is that of System Management Mode (SMM)",
  0,
  {
    read: (text) => (/^[0-9]{1,3}$/.test(text) ? Number(text) : null),
    expected: 'it must be a number: 0 is the normal address space, 1 is that of System Management Mode (SMM)',
  },
);

/** Physical addresses end at 2^52. */
const MOST_BYTES = 2 ** 52;

function countOf(text: string): number | null {
  const count = /^(0x[0-9a-f]{1,14}|[0-9]{1,16})$/i.test(text) ? Number(text) : 0;
  return count < 1 || count > MOST_BYTES ? null : count;
}

/** -n, a number of bytes. */
export const byteCount = (summary: string, start: number): OptionSpec<number> =>
  parsed('count', summary, start, {
    short: 'n',
    read: countOf,
    expected: 'it must be a number of bytes from 1 to 2^52',
  });

/** The options of commands that write a file. */
export const output = {
  output: file('the file to write', { short: 'o', writes: true }),
  force: flag('overwrite the file if it exists'),
};
