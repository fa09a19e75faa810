// SPDX-License-Identifier: Apache-2.0
import { type Column, compile, objectSchema } from './columns.js';
import { oneOf, type Schema } from './types.js';

/** What a writer makes of rows; a piece of bytes goes out as it is. */
export interface RowWriter<in Row> {
  /** Before the first row. */
  begin?(): string;
  row(row: Row): string | Uint8Array;
  /** After the last row. */
  end?(): string;
}

/** A kind of rows: one line of `--json` each. */
export interface RecordKind<in Row> {
  /** The file name of its schema in docs/schemas/. */
  readonly name: string;
  /** What one is, for the schema and for docs/. */
  readonly title: string;
  /** A row that is an answer of the first version of the output has no member `record`. */
  readonly tagged: boolean;
  readonly columns: readonly Column<Row>[];
  /** What members have to do with each other: more parts of the schema. */
  readonly rules: readonly Schema[];
}

/** A kind of rows whose JSON has `record` as its first member. */
export const recordKind = <Row>(
  name: string,
  title: string,
  columns: readonly Column<Row>[],
  rules: readonly Schema[] = [],
): RecordKind<Row> => ({
  name,
  title,
  tagged: true,
  columns: [{ name: 'record', doc: 'The kind of record.', type: constant(name) }, ...columns],
  rules,
});

function constant(word: string): Column<unknown>['type'] {
  const { schema } = oneOf(word);
  return { json: () => `"${word}"`, cells: [{ name: '', text: () => word }], schema };
}

/** The schema of a line of `--json`. */
export const schemaOf = ({ name, title, columns, rules }: RecordKind<never>): Schema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: `urn:kvm-vtop:${name}:1`,
  title,
  ...objectSchema(columns),
  ...(rules.length === 0 ? {} : { allOf: rules }),
});

/** JSON lines. `kindOf` says which of the kinds a row is. */
export function jsonLines<Row>(kinds: readonly RecordKind<Row>[], kindOf: (row: Row) => string): RowWriter<Row> {
  const [only, ...others] = kinds.map(({ columns }) => compile(columns));
  if (only === undefined) throw new Error('no kind of record');
  if (others.length === 0) return { row: (row) => `${only(row)}\n` };
  const writers = new Map(kinds.map(({ name, columns }) => [name, compile(columns)]));
  return { row: (row) => `${(writers.get(kindOf(row)) as (row: Row) => string)(row)}\n` };
}

/** CSV as in RFC 4180, with a header: the rows of one kind. Nested members are columns `member.name`. */
export function csv<Row>({ columns }: RecordKind<Row>): RowWriter<Row> {
  const cells = columns.flatMap(({ name, type }) =>
    type.cells.map((cell) => ({ name: `${name}${cell.name}`, text: cell.text })),
  );
  const line = (fields: readonly string[]): string => `${fields.map(field).join(',')}\r\n`;
  return {
    begin: () => line(cells.map(({ name }) => name)),
    row: (row) => line(cells.map(({ text }) => text(row))),
  };
}

/** A field with a comma, a quote or a line's end in it stands in quotes. */
const field = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
