// SPDX-License-Identifier: Apache-2.0
// Types of the values in a row: how each is written in JSON and CSV, and its JSON schema.
import { digitsOf } from './hex.js';

/** A JSON schema (draft 2020-12), or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

/** A column of CSV that a value fills: a nested member fills one named `.member`. */
export interface Cell<T> {
  readonly name: string;
  readonly text: (value: T) => string;
}

/** A type of values. */
export interface Type<in T> {
  /** The value as JSON. */
  readonly json: (value: T) => string;
  readonly cells: readonly Cell<T>[];
  readonly schema: Schema;
}

/** A type whose values fill one cell of CSV. */
const single = <T>(schema: Schema, json: (value: T) => string, text: (value: T) => string = json): Type<T> => ({
  json,
  schema,
  cells: [{ name: '', text }],
});

/** Hexadecimal digits, with 0x in front. */
export const ADDRESS: Schema = { type: 'string', pattern: '^0x(0|[1-9a-f][0-9a-f]*)$' };

/** An address, a mask or a frame number: hexadecimal with 0x. Numbers are below 2^53. */
export const hex: Type<number | bigint> = digits((value: number | bigint) =>
  typeof value === 'number' ? digitsOf(value) : value.toString(16),
);

/** What `of` turns into hexadecimal digits. */
export function digits<T>(of: (value: T) => string): Type<T> {
  return single<T>(
    ADDRESS,
    (value) => `"0x${of(value)}"`,
    (value) => `0x${of(value)}`,
  );
}

/** A count, a size in bytes, an index: a whole number of at least `minimum`. */
export const count = (minimum = 0, limits: Schema = {}): Type<number> =>
  single({ type: 'integer', minimum, ...limits }, (value) => `${value}`);

/** One of a few numbers. */
export const numberOf = (...values: readonly number[]): Type<number> => single({ enum: values }, (value) => `${value}`);

export const flag: Type<boolean> = single({ type: 'boolean' }, (value) => `${value}`);

/** JSON lets DEL and the C1 controls stand as they are, but a terminal may obey them. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(/[\x7f-\x9f]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);

/** Any text. */
export const text: Type<string> = single({ type: 'string' }, quoted, (value) => value);

/** One of a closed set of words, which need no escapes. */
export const oneOf = <Word extends string>(...words: readonly Word[]): Type<Word> =>
  single<Word>(
    { enum: words },
    (value) => `"${value}"`,
    (value) => value,
  );

/** A value that may not be known or may not exist: null in JSON, an empty cell in CSV. */
export function nullable<T>({ json, cells, schema }: Type<T>): Type<T | null> {
  return {
    json: (value) => (value === null ? 'null' : json(value)),
    cells: cells.map((cell) => ({ name: cell.name, text: (value) => (value === null ? '' : cell.text(value)) })),
    schema: withNull(schema),
  };
}

function withNull(schema: Schema): Schema {
  const { enum: values, type, ...rest } = schema;
  if (Array.isArray(values)) return { ...schema, enum: [null, ...(values as unknown[])] };
  return typeof type === 'string' && type !== 'object'
    ? { type: [type, 'null'], ...rest }
    : { oneOf: [{ type: 'null' }, schema] };
}

/** Several values: an array in JSON, joined by spaces in CSV. */
export function list<T>(type: Type<T>, limits: Schema = {}): Type<readonly T[]> {
  return {
    json: (values) => `[${values.map(type.json).join(',')}]`,
    cells: type.cells.map(({ name, text: of }) => ({ name, text: (values) => values.map(of).join(' ') })),
    schema: { type: 'array', items: type.schema, ...limits },
  };
}

/**
 * The same type, which keeps the text of the last value: for values that many rows in succession share. Objects are
 * compared by identity.
 */
export function cached<T>(type: Type<T>): Type<T> {
  let [last, written]: [T | undefined, string] = [undefined, ''];
  const json = (value: T): string => {
    if (value !== last || last === undefined) [last, written] = [value, type.json(value)];
    return written;
  };
  return { ...type, json };
}
