// SPDX-License-Identifier: Apache-2.0
import { type Column, compile, objectSchema } from './columns.js';
import { oneOf, type Schema } from './types.js';

/** Converts rows to output: text, or bytes that are written unchanged. */
export interface RowWriter<in Row> {
  /** Output before the first row. */
  begin?(): string;
  row(row: Row): string | Uint8Array;
  /** Output after the last row. */
  end?(): string;
  /** Whether the output has the `problems` of rows. Otherwise they are logged. */
  readonly showsProblems?: boolean;
}

/** A kind of record: one line of `--json` for each row. */
export interface RecordKind<in Row> {
  /** The value of `record`. */
  readonly name: string;
  /** The file name of the schema in docs/schemas/, if that is not `name`: commands can have different records of one name. */
  readonly schema?: string;
  /** What a record describes, for the schema and for docs/. */
  readonly title: string;
  /** Whether the JSON has the member `record`. Version 1 of the main command's output does not. */
  readonly tagged: boolean;
  readonly columns: readonly Column<Row>[];
  /** Dependencies between members: further parts of the schema. */
  readonly rules: readonly Schema[];
}

/** Makes a kind of record whose JSON has `record` as its first member. */
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

/** A kind of record with only the columns that rows have with these options. */
export const withOptions = <Row>(
  kind: RecordKind<Row>,
  options: Readonly<Record<string, unknown>>,
): RecordKind<Row> => ({
  ...kind,
  columns: kind.columns.filter(({ option }) => option === undefined || isGiven(options[option])),
});

/** Whether a flag is set, or an option that can be repeated is given. */
const isGiven = (value: unknown): boolean => value === true || (Array.isArray(value) && value.length > 0);

/** The name of the schema of a kind. */
export const schemaName = ({ name, schema }: Pick<RecordKind<never>, 'name' | 'schema'>): string => schema ?? name;

/** The JSON schema of a line of `--json`. */
export const schemaOf = ({ title, columns, rules, ...kind }: RecordKind<never>): Schema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: `urn:kvm-vtop:${schemaName(kind)}:1`,
  title,
  ...objectSchema(columns),
  ...(rules.length === 0 ? {} : { allOf: rules }),
});

/** A row of a command with several kinds of records: `record` is the name of its kind. */
export interface TaggedRow {
  readonly record: string;
}

/** The kinds of a command with several kinds of records. A row is only given to the kind that its `record` names. */
export const kinds = <Rows extends readonly TaggedRow[]>(
  ...list: { readonly [I in keyof Rows]: RecordKind<Rows[I]> }
): readonly RecordKind<Rows[number]>[] => list as readonly unknown[] as readonly RecordKind<Rows[number]>[];

/** Writes JSON lines. With several kinds, rows are `TaggedRow`s. */
export function jsonLines<Row>(kinds: readonly RecordKind<Row>[]): RowWriter<Row> {
  const [first, ...others] = kinds.map(({ name, columns }) => ({ name, write: compile(columns) }));
  if (first === undefined) throw new Error('no kind of record');
  const { name, write } = first;
  if (others.length === 0) return { row: (row) => `${write(row)}\n` };
  const rest = new Map(others.map((other) => [other.name, other.write]));
  return {
    row(row) {
      const { record } = row as TaggedRow;
      return `${(record === name ? write : (rest.get(record) as (row: Row) => string))(row)}\n`;
    },
  };
}

/**
 * Writes rows of a kind as CSV (RFC 4180) with a header. Nested members become columns `member.name`. `aside` is called with
 * the rows of other kinds.
 */
export function csv<Row>({ name: kind, columns }: RecordKind<Row>, aside?: (row: Row) => void): RowWriter<Row> {
  const cells = columns.flatMap(({ name, type }) =>
    type.cells.map((cell) => ({ name: `${name}${cell.name}`, text: cell.text })),
  );
  const line = (fields: readonly string[]): string => `${fields.map(field).join(',')}\r\n`;
  return {
    begin: () => line(cells.map(({ name }) => name)),
    row(row) {
      if (aside === undefined || (row as TaggedRow).record === kind) return line(cells.map(({ text }) => text(row)));
      aside(row);
      return '';
    },
  };
}

/** Quotes a field that contains a comma, a quote or a line break. */
const field = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
