// SPDX-License-Identifier: Apache-2.0
import { cellFrom, type Schema, type Type } from './types.js';

/** A member of a record: its name, its meaning, and a type that reads its value from a row. */
export interface Column<in Row> {
  readonly name: string;
  readonly doc: string;
  readonly type: Type<Row>;
  /** The option without which rows do not have the member. */
  readonly option?: string;
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

/** Makes a function that writes a row as a JSON object. The parts that do not depend on the row are computed once, here. */
export function compile<Row>(of: readonly Column<Row>[]): (row: Row) => string {
  const heads = of.map(({ name }, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  const writers = of.map(({ type }) => type.json);
  return (row) => {
    let text = '';
    for (let i = 0; i < writers.length; i++) text += (heads[i] as string) + (writers[i] as (row: Row) => string)(row);
    return `${text}}`;
  };
}
