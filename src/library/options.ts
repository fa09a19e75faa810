// SPDX-License-Identifier: Apache-2.0
// Options as a program gives them. A program without types can misspell one, or give it a value of another kind.
import { UsageError } from '../core/errors.js';
import { shown } from './addresses.js';

/** What the value of an option must be. */
export interface OptionKind {
  readonly expected: string;
  readonly is: (value: unknown) => boolean;
}

/** The options of a function by name; null if the value is checked where it is used. */
export type Known<O> = { readonly [Name in keyof Required<O>]: OptionKind | null };

export const flag: OptionKind = { expected: 'true or false', is: (value) => typeof value === 'boolean' };
const isText = (value: unknown): boolean => typeof value === 'string';
export const textOrNull: OptionKind = { expected: 'a text or null', is: (value) => value === null || isText(value) };
export const texts: OptionKind = {
  expected: 'an array of texts',
  is: (value) => Array.isArray(value) && value.every(isText),
};
/** A record, so that the compiler finds a word that is missing. */
export const oneOf = <Word extends string>(words: Readonly<Record<Word, true>>): OptionKind => ({
  expected: `one of ${Object.keys(words).join(', ')}`,
  is: (value) => isText(value) && Object.hasOwn(words, value as string),
});

/** An object that has certain functions. */
export const objectWith = (...functions: readonly string[]): OptionKind => ({
  expected: `an object with the functions ${functions.join(', ')}`,
  is: (value) =>
    typeof value === 'object' &&
    value !== null &&
    functions.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function'),
});

/**
 * Throws `UsageError` if options are not an object, for an option that does not exist, and for a value that one can't have;
 * undefined is as if it were absent. `within`: the option whose value these are.
 */
export function checkOptions<O extends object>(options: unknown, known: Known<O>, within: string | null = null): void {
  const what = within === null ? 'options' : `option '${within}'`;
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new UsageError(`${what} must be an object, not ${Array.isArray(options) ? 'an array' : shown(options)}`);
  const kinds = new Map<string, OptionKind | null>(Object.entries(known));
  for (const [name, value] of Object.entries(options)) {
    const path = within === null ? name : `${within}.${name}`;
    const kind = kinds.get(name);
    if (kind === undefined)
      throw new UsageError(`${shown(path)} is not the name of an option; valid: ${[...kinds.keys()].join(', ')}`);
    if (value !== undefined && kind !== null && !kind.is(value))
      throw new UsageError(`option '${path}' must be ${kind.expected}, not ${shown(value)}`);
  }
}
