// SPDX-License-Identifier: Apache-2.0
import type { Schema, Type } from './types.js';

/** One member of a row: its name, what it means, its type, and how a row gives it. */
export interface Column<in Row> {
  readonly name: string;
  readonly doc: string;
  readonly type: Type<Row>;
}

/** A member whose value is made from the row; `columns` gives it its name. */
export interface Made<in Row> {
  readonly doc: string;
  readonly type: Type<Row>;
}

/** A member that a row does not have under that name. */
export function made<Row, T>(type: Type<T>, doc: string, of: (row: Row) => T): Made<Row> {
  return {
    doc,
    type: {
      json: (row) => type.json(of(row)),
      cells: type.cells.map(({ name, text }) => ({ name, text: (row) => text(of(row)) })),
      schema: type.schema,
    },
  };
}

/** For each member of a row its type and what it means; or how the member is made. The order is that of the output. */
export type Members<Row> = { readonly [Name in keyof Row]: readonly [Type<Row[Name]>, string] };

/** The columns of rows that have members of these names. */
export const columns = <Row>(members: Members<Row>): readonly Column<Row>[] =>
  Object.keys(members).map((key) => {
    const name = key as keyof Row & string;
    const [type, doc] = members[name];
    return { name, ...made<Row, Row[keyof Row & string]>(type, doc, (row) => row[name]) };
  });

/** The columns of rows of another shape, member by member. */
export const columnsFrom = <Row>(members: Readonly<Record<string, Made<Row>>>): readonly Column<Row>[] =>
  Object.entries(members).map(([name, member]) => ({ name, ...member }));

/** A row inside another one. */
export function record<Row>(of: readonly Column<Row>[]): Type<Row> {
  return {
    json: compile(of),
    cells: of.flatMap(({ name, type }) =>
      type.cells.map((cell) => ({ name: `.${name}${cell.name}`, text: cell.text })),
    ),
    schema: objectSchema(of),
  };
}

/** The schema of an object with these members, all of which are always there. Later releases may add others. */
export const objectSchema = (of: readonly Column<never>[]): Schema => ({
  type: 'object',
  required: of.map(({ name }) => name),
  properties: Object.fromEntries(of.map(({ name, doc, type }) => [name, { description: doc, ...type.schema }])),
});

/** A function that writes a row as a JSON object; what does not depend on the row is put together here. */
export function compile<Row>(of: readonly Column<Row>[]): (row: Row) => string {
  const heads = of.map(({ name }, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  const writers = of.map(({ type }) => type.json);
  return (row) => {
    let text = '';
    for (let i = 0; i < writers.length; i++) text += (heads[i] as string) + (writers[i] as (row: Row) => string)(row);
    return `${text}}`;
  };
}
