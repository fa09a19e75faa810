// SPDX-License-Identifier: Apache-2.0
// Results as tables: one for each kind of record, written by DuckDB.
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DumpError, UsageError } from '../core/errors.js';
import { appendAll } from '../write/out-file.js';
import { nameOf, type Schema, selectFrom, textOf } from './duckdb-types.js';
import { linesOf } from './lines.js';

/** A kind of record: the table for it, and its schema. */
export interface RecordTable {
  readonly table: string;
  readonly schema: Schema;
}

/** Says which table a record is for, by its kind and the number of its run (0: the record of a dump). */
export type TableOf = (record: string, run: number) => RecordTable;

/** The formats that DuckDB writes. */
export type TableFormat = 'csv' | 'parquet' | 'duckdb';

/** The version that was tested. */
const TESTED = '@duckdb/node-api@1.5.6-r.1';

/** A connection to a database. */
interface Connection {
  run(sql: string): Promise<unknown>;
  runAndReadAll(sql: string): Promise<{ getRows(): readonly (readonly unknown[])[] }>;
  closeSync(): void;
}
export interface Duck {
  readonly connection: Connection;
  readonly close: () => void;
}

/** Throws `UsageError` if DuckDB is not installed. */
export async function requireDuckDb(format: TableFormat): Promise<void> {
  await duckDb(format);
}

async function duckDb(format: TableFormat) {
  try {
    return await import('@duckdb/node-api');
  } catch {
    throw new UsageError(`.${format} needs DuckDB, which is not installed: npm install ${TESTED}`);
  }
}

/** Opens a database: a file, or for null one in memory. Nothing is downloaded. */
export async function openDuck(path: string | null, format: TableFormat, folder: string): Promise<Duck> {
  const { DuckDBInstance } = await duckDb(format);
  const instance = await DuckDBInstance.create(path ?? ':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    temp_directory: folder,
  });
  const connection = await instance.connect();
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Writes lines to a file for each table. */
class Splitter {
  readonly #folder: string;
  readonly #files = new Map<string, { readonly path: string; readonly descriptor: number; text: string }>();

  constructor(folder: string, tables: readonly RecordTable[]) {
    this.#folder = folder;
    for (const { table } of tables) this.#open(table);
  }

  add(table: string, line: string): void {
    const file = this.#files.get(table);
    if (file === undefined) throw new Error(`no table ${table}`);
    file.text += `${line}\n`;
    if (file.text.length > BATCH) this.#flush(file);
  }

  /** The paths of the files. */
  finish(): ReadonlyMap<string, string> {
    for (const file of this.#files.values()) {
      this.#flush(file);
      closeSync(file.descriptor);
    }
    return new Map([...this.#files].map(([table, { path }]) => [table, path]));
  }

  #open(table: string): void {
    if (this.#files.has(table)) return;
    const path = join(this.#folder, `${table}.json`);
    this.#files.set(table, { path, descriptor: openSync(path, 'w', 0o600), text: '' });
  }

  #flush(file: { readonly descriptor: number; text: string }): void {
    appendAll(file.descriptor, Buffer.from(file.text));
    file.text = '';
  }
}

const BATCH = 0x100000;

/** The start of a record of a command. */
const HEAD = /^\{"record":"([^"]*)","dump":"(?:[^"\\]|\\.)*","run":([0-9]+),/;

/** The table for a line. */
function tableFor(line: string, tableOf: TableOf): string {
  if (line.startsWith('{"record":"dump",')) return tableOf('dump', 0).table;
  const [, record, run] = HEAD.exec(line) ?? [];
  if (record === undefined) throw new Error(`not a record: ${line.slice(0, 80)}`);
  return tableOf(record, Number(run)).table;
}

/** Lines of JSON by tables. */
export interface Lines {
  /** The tables that there can be. */
  readonly tables: readonly RecordTable[];
  readonly tableOf: TableOf;
  /** Lines with records, in pieces that can end anywhere. */
  readonly pieces: Iterable<string | Uint8Array>;
}

/** Makes the tables in a folder, which must be empty; returns the path of the file or the folder with them. */
export async function makeTables(
  folder: string,
  format: TableFormat,
  { tables, tableOf, pieces }: Lines,
): Promise<string> {
  const parts = join(folder, 'json');
  mkdirSync(parts);
  const splitter = new Splitter(parts, tables);
  for (const line of linesOf(pieces)) {
    splitter.add(tableFor(line, tableOf), line);
  }
  const paths = splitter.finish();
  const made = join(folder, format === 'duckdb' ? 'tables.duckdb' : 'tables');
  if (format !== 'duckdb') mkdirSync(made);
  const duck = await openDuck(format === 'duckdb' ? made : null, format, join(folder, 'spill'));
  try {
    for (const [table, path] of paths) {
      const schema = tables.find((each) => each.table === table)?.schema ?? {};
      await duck.connection.run(statementFor({ table, schema }, path, format, made));
    }
  } catch (cause) {
    throw tableError(cause);
  } finally {
    duck.close();
  }
  for (const file of format === 'duckdb' ? [made] : readdirSync(made).map((name) => join(made, name))) synced(file);
  rmSync(parts, { recursive: true });
  return made;
}

/** The error for what DuckDB refused. */
export function tableError(cause: unknown): DumpError {
  const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
  return new DumpError(`the tables can't be written: ${message}`, { code: 'system', cause });
}

function statementFor({ table, schema }: RecordTable, path: string, format: TableFormat, folder: string): string {
  const select = selectFrom(path, schema);
  if (format === 'duckdb') return `CREATE TABLE ${nameOf(table)} AS ${select}`;
  const options = format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet, COMPRESSION zstd';
  return `COPY (${select}) TO ${textOf(join(folder, `${table}.${format}`))} (${options})`;
}

/** Waits until a file is on disk. */
export function synced(path: string): void {
  const descriptor = openSync(path, 'r+');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
