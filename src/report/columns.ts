// SPDX-License-Identifier: Apache-2.0
import { cellFrom, type Schema, type Type } from './types.js';

/** A member of a record: its name, its meaning, and a type that reads its value from a row. */
export interface Column<in Row> {
  readonly name: string;
  readonly doc: string;
  readonly type: Type<Row>;
  /** The option without which rows do not have the member. */
  readonly option?: string;
  /**
   * Returns a number that changes whenever the value does. While it returns the same one for the same row object, the text of
   * neighbouring columns that have the same function is kept.
   */
  readonly version?: (row: Row) => number;
}

/** A column without its name. */
export interface Made<in Row> {
  readonly doc: string;
  readonly type: Type<Row>;
  readonly option?: string;
}

/** A column whose value `of` computes from the row. `option`: the option without which rows do not have it. */
export function made<Row, T>(type: Type<T>, doc: string, of: (row: Row) => T, option?: string): Made<Row> {
  return {
    doc,
    ...(option === undefined ? {} : { option }),
    type: {
      json: (row) => type.json(of(row)),
      cells: type.cells.map((cell) => cellFrom(cell, of)),
      schema: type.schema,
    },
  };
}

/** The type and the meaning of each member of a row, in the order of the output. */
export type Members<Row> = { readonly [Name in keyof Row]: readonly [Type<Row[Name]>, string] };

/** The columns of rows whose members are output under their own names. */
export const columns = <Row>(members: Members<Row>): readonly Column<Row>[] =>
  Object.keys(members).map((key) => {
    const name = key as keyof Row & string;
    const [type, doc] = members[name];
    return { name, ...made<Row, Row[keyof Row & string]>(type, doc, (row) => row[name]) };
  });

/** The columns of rows whose members differ from those of the output. */
export const columnsFrom = <Row>(members: Readonly<Record<string, Made<Row>>>): readonly Column<Row>[] =>
  Object.entries(members).map(([name, member]) => ({ name, ...member }));

/** A type for a record nested in another one. */
export function record<Row>(of: readonly Column<Row>[]): Type<Row> {
  return {
    json: compile(of),
    cells: of.flatMap(({ name, type }) => type.cells.map((cell) => ({ ...cell, name: `.${name}${cell.name}` }))),
    schema: objectSchema(of),
  };
}

/** The schema of an object that always has these members. Later releases may add others. */
export const objectSchema = (of: readonly Column<never>[]): Schema => ({
  type: 'object',
  required: of.filter(({ option }) => option === undefined).map(({ name }) => name),
  properties: Object.fromEntries(of.map(({ name, doc, type }) => [name, { description: doc, ...type.schema }])),
});

/** Columns with a `version`. */
export const steady = <Row extends object>(
  version: (row: Row) => number,
  of: readonly Column<Row>[],
): readonly Column<Row>[] => of.map((column) => ({ ...column, version }));

/** Makes a function that writes a row as a JSON object. The parts that do not depend on the row are computed once, here. */
export function compile<Row>(of: readonly Column<Row>[]): (row: Row) => string {
  const parts = sections(of).map(({ start, columns }) => section(start, columns));
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return (row) => `${first(row)}}`;
  return (row) => {
    let text = '';
    for (const write of parts) text += write(row);
    return `${text}}`;
  };
}

/** Neighbouring columns with the same `version`, and the index of the first of them. */
interface Section<in Row> {
  readonly start: number;
  readonly columns: Column<Row>[];
}

function sections<Row>(of: readonly Column<Row>[]): readonly Section<Row>[] {
  const found: Section<Row>[] = [];
  for (const [i, column] of of.entries()) {
    const last = found.at(-1);
    if (last?.columns[0]?.version === column.version && last !== undefined) last.columns.push(column);
    else found.push({ start: i, columns: [column] });
  }
  return found;
}

function section<Row>(start: number, of: readonly Column<Row>[]): (row: Row) => string {
  const heads = of.map(({ name }, i) => `${start + i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  const writers = of.map(({ type }) => type.json);
  const write = (row: Row): string => {
    let text = '';
    for (let i = 0; i < writers.length; i++) text += (heads[i] as string) + (writers[i] as (row: Row) => string)(row);
    return text;
  };
  const version = of[0]?.version;
  return version === undefined ? write : unlessSame(version, write);
}

/** Keeps the text of the last row. */
function unlessSame<Row>(version: (row: Row) => number, write: (row: Row) => string): (row: Row) => string {
  let [last, lastVersion]: [Row | undefined, number] = [undefined, NaN];
  let [text, isFlat] = ['', false];
  return (row) => {
    const current = version(row);
    if (row !== last || current !== lastVersion) {
      [text, isFlat] = [write(row), false];
      [last, lastVersion] = [row, current];
    } else if (!isFlat) {
      // This makes V8 put the parts of the text together once, instead of with each row.
      text.charCodeAt(0);
      isFlat = true;
    }
    return text;
  };
}
