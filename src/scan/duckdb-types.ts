// SPDX-License-Identifier: Apache-2.0
// The columns of a table for records, by the JSON schema of the records. Addresses become UBIGINT: exact numbers of 64 bits.

/** A JSON schema, as far as records have it. */
export type Schema = Readonly<Record<string, unknown>>;

/** A type of DuckDB. */
interface DuckType {
  /** As which it is read from JSON. */
  readonly read: string;
  /** The value in the table, made from an expression of that type in `depth` lists; null if it stays as it is. */
  readonly make: ((from: string, depth: number) => string) | null;
}

const plain = (read: string): DuckType => ({ read, make: null });

const SIMPLE: Readonly<Record<string, string>> = {
  integer: 'BIGINT',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
  string: 'VARCHAR',
};

/** A name in SQL. */
export const nameOf = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** A text in SQL. */
export const textOf = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The type for values of a schema. */
export function duckType(schema: Schema): DuckType {
  const { oneOf, enum: values, pattern, items, properties, additionalProperties } = schema;
  if (Array.isArray(oneOf)) return duckType(withoutNull(oneOf as Schema[]));
  if (Array.isArray(values))
    return plain(values.every((value) => value === null || typeof value === 'number') ? 'BIGINT' : 'VARCHAR');
  const type = [schema.type].flat().find((each) => each !== 'null') as string;
  // An address of more than 64 bits, which only a question can have, is null.
  if (typeof pattern === 'string' && pattern.startsWith('^0x'))
    return { read: 'VARCHAR', make: (from) => `TRY_CAST(${from} AS UBIGINT)` };
  if (type === 'array') return listType(items as Schema);
  if (type !== 'object') return plain(SIMPLE[type] ?? 'JSON');
  return properties === undefined || additionalProperties !== undefined
    ? plain('JSON')
    : structType(properties as Readonly<Record<string, Schema>>);
}

const withoutNull = (schemas: readonly Schema[]): Schema => schemas.find(({ type }) => type !== 'null') ?? {};

function listType(items: Schema): DuckType {
  const { read, make } = duckType(items);
  if (make === null) return plain(`${read}[]`);
  return {
    read: `${read}[]`,
    // Lists in lists need different names of variables.
    make: (from, depth) => `list_transform(${from}, lambda v${depth}: ${make(`v${depth}`, depth + 1)})`,
  };
}

function structType(properties: Readonly<Record<string, Schema>>): DuckType {
  const members = Object.entries(properties).map(([name, schema]) => ({ name: nameOf(name), ...duckType(schema) }));
  const read = `STRUCT(${members.map((member) => `${member.name} ${member.read}`).join(', ')})`;
  if (members.every(({ make }) => make === null)) return plain(read);
  return {
    read,
    make(from, depth) {
      const parts = members.map(
        ({ name, make }) => `${name} := ${make?.(`${from}.${name}`, depth) ?? `${from}.${name}`}`,
      );
      return `CASE WHEN ${from} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`;
    },
  };
}

/** Reads a file of JSON lines as rows of a table. `schema`: that of the records. */
export function selectFrom(path: string, schema: Schema): string {
  const columns = Object.entries(schema.properties as Readonly<Record<string, Schema>>).map(([name, of]) => ({
    name,
    ...duckType(of),
  }));
  const read = columns.map((column) => `${textOf(column.name)}: ${textOf(column.read)}`).join(', ');
  const made = columns
    .map(({ name, make }) => `${make?.(nameOf(name), 0) ?? nameOf(name)} AS ${nameOf(name)}`)
    .join(', ');
  return `SELECT ${made} FROM read_json(${textOf(path)}, format = 'newline_delimited', maximum_object_size = ${MOST_BYTES}, columns = {${read}})`;
}

/** Bytes of the largest record. */
const MOST_BYTES = 256 * 1024 * 1024;
