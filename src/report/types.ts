// SPDX-License-Identifier: Apache-2.0
// Types of the values of a record: how each is written in JSON and CSV, and its JSON schema.
import { oneLine, UNSAFE } from '../core/one-line.js';
import { digitsOf } from './hex.js';

/** A JSON schema (draft 2020-12), or a part of one. */
export type Schema = Readonly<Record<string, unknown>>;

/** A column of CSV that a value fills; that of a nested member is named `.member`. */
export interface Cell<T> {
  readonly name: string;
  readonly text: (value: T) => string;
  /** For values that can contain blanks: the value as JSON, for a list of such values. */
  readonly quoted?: (value: T) => string;
}

/** A cell for a value that `of` computes from another one. */
export const cellFrom = <From, T>({ name, text, quoted: inList }: Cell<T>, of: (from: From) => T): Cell<From> => ({
  name,
  text: (from) => text(of(from)),
  ...(inList === undefined ? {} : { quoted: (from) => inList(of(from)) }),
});

/** A type of values in the output. */
export interface Type<in T> {
  /** Writes a value as JSON. */
  readonly json: (value: T) => string;
  readonly cells: readonly Cell<T>[];
  readonly schema: Schema;
}

/** Makes a type whose values fill one cell of CSV. */
const single = <T>(schema: Schema, json: (value: T) => string, text: (value: T) => string = json): Type<T> => ({
  json,
  schema,
  cells: [{ name: '', text }],
});

/** The schema of hexadecimal digits with 0x. */
export const ADDRESS: Schema = { type: 'string', pattern: '^0x(0|[1-9a-f][0-9a-f]*)$' };

/** An address, a mask or a frame number, written in hexadecimal with 0x. Numbers must be below 2^53. */
export const hex: Type<number | bigint> = digits((value: number | bigint) =>
  typeof value === 'number' ? digitsOf(value) : value.toString(16),
);

/** Makes a type of values that `of` converts to hexadecimal digits. */
export function digits<T>(of: (value: T) => string): Type<T> {
  return single<T>(
    ADDRESS,
    (value) => `"0x${of(value)}"`,
    (value) => `0x${of(value)}`,
  );
}

/** A count, a size in bytes or an index: an integer of at least `minimum`. */
export const count = (minimum = 0, limits: Schema = {}): Type<number> =>
  single({ type: 'integer', minimum, ...limits }, (value) => `${value}`);

/** Seconds, with microseconds. */
export const seconds: Type<number> = single({ type: 'number', minimum: 0 }, (value) => value.toFixed(6));

/** One of a few numbers. */
export const numberOf = (...values: readonly number[]): Type<number> => single({ enum: values }, (value) => `${value}`);

export const flag: Type<boolean> = single({ type: 'boolean' }, (value) => `${value}`);

/** JSON does not escape all characters on which a terminal may act. */
const quoted = (text: string): string =>
  JSON.stringify(text).replace(UNSAFE, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Any text. */
export const text: Type<string> = {
  json: quoted,
  schema: { type: 'string' },
  cells: [{ name: '', text: oneLine, quoted }],
};

/** A text without blanks, like the name of a flag. */
export const word: Type<string> = single({ type: 'string' }, quoted, (value) => value);

/** One of a fixed set of words, which must not need escapes. */
export const oneOf = <Word extends string>(...words: readonly Word[]): Type<Word> =>
  single<Word>(
    { enum: words },
    (value) => `"${value}"`,
    (value) => value,
  );

/** A value that can be unknown or absent: null in JSON, an empty cell in CSV. */
export function nullable<T>({ json, cells, schema }: Type<T>): Type<T | null> {
  return {
    json: (value) => (value === null ? 'null' : json(value)),
    cells: cells.map(({ name, text: of, quoted: inList }) => ({
      name,
      text: (value) => (value === null ? '' : of(value)),
      ...(inList === undefined ? {} : { quoted: (value) => (value === null ? 'null' : inList(value)) }),
    })),
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

/**
 * A list of values: an array in JSON. In CSV, numbers and words are joined by blanks; texts, which can contain blanks, are a
 * JSON array. An empty list is an empty cell.
 */
export function list<T>(type: Type<T>, limits: Schema = {}): Type<readonly T[]> {
  return {
    json: (values) => `[${values.map(type.json).join(',')}]`,
    cells: type.cells.map(listCell),
    schema: { type: 'array', items: type.schema, ...limits },
  };
}

function listCell<T>({ name, text: of, quoted: inList }: Cell<T>): Cell<readonly T[]> {
  if (inList === undefined) return { name, text: (values) => values.map(of).join(' ') };
  const array = (values: readonly T[]): string => `[${values.map(inList).join(',')}]`;
  return { name, text: (values) => (values.length === 0 ? '' : array(values)), quoted: array };
}

/** Values by key, in order: an object in JSON, `key=value` joined by spaces in CSV. */
export const keyed = <T>(type: Type<T>): Type<readonly (readonly [string, T])[]> => ({
  json: (entries) => `{${entries.map(([key, value]) => `${quoted(key)}:${type.json(value)}`).join(',')}}`,
  cells: type.cells.map(({ name, text: of }) => ({
    name,
    text: (entries) => entries.map(([key, value]) => `${key}=${of(value)}`).join(' '),
  })),
  schema: { type: 'object', additionalProperties: type.schema },
});

/**
 * A copy of a type that keeps the JSON of the last value, for values that many consecutive rows share. Objects are compared
 * by identity.
 */
export function cached<T>(type: Type<T>): Type<T> {
  let [last, written]: [T | undefined, string] = [undefined, ''];
  const json = (value: T): string => {
    if (value !== last || last === undefined) [last, written] = [value, type.json(value)];
    return written;
  };
  return { ...type, json };
}

/** A copy of a type that keeps the JSON of each object, for objects that many rows share and that do not change. */
export function remembered<T extends object>(type: Type<T>): Type<T> {
  const known = new WeakMap<T, string>();
  const json = (value: T): string => {
    let written = known.get(value);
    if (written === undefined) {
      written = type.json(value);
      known.set(value, written);
    }
    return written;
  };
  return { ...type, json };
}
