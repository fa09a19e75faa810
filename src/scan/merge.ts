// SPDX-License-Identifier: Apache-2.0
// Puts the results of several scans together. A dump that several of them have is taken from the first.
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { DumpError, UsageError } from '../core/errors.js';
import { reasonOf } from '../io/system-error.js';
import { appendAll } from '../write/out-file.js';
import { nameOf, textOf } from './duckdb-types.js';
import { type DumpResults, resultsIn } from './dump-results.js';
import { linesOf, piecesOfFile } from './lines.js';
import { recordOf, type Source, writeTableLines } from './table-lines.js';
import { type Duck, openDuck, synced, type TableFormat, tableError } from './tables.js';

/** The formats of results that can be merged; CSV does not have types. */
export type InputFormat = 'jsonl' | 'parquet' | 'duckdb';

/** Results of a scan. */
export interface Part {
  readonly path: string;
  readonly format: InputFormat;
}

/** What was merged. */
export interface Merged {
  /** Where the results are; null if they were not wanted. */
  readonly path: string | null;
  readonly dumps: number;
  /** Dumps that were already there. */
  readonly twice: number;
  /** The results of one dump after the other, if they were wanted: all, or without the records that `others` counts by kind. */
  readonly results: Iterable<DumpResults>;
  readonly others: ReadonlyMap<string, number>;
}

/** Recognises results by their names. Throws `UsageError` for others, `DumpError` if the system refuses. */
export function partOf(path: string): Part {
  const format = (['jsonl', 'parquet', 'duckdb'] as const).find((each) => extname(path) === `.${each}`);
  if (format === undefined)
    throw new UsageError(`${path}: not results that can be merged: the name must end in .jsonl, .parquet or .duckdb`);
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (cause) {
    throw new DumpError(`${path}: ${reasonOf(cause, { ENOENT: 'no such file or directory' })}`, {
      code: 'system',
      cause,
    });
  }
  if (isFolder !== (format === 'parquet'))
    throw new UsageError(
      `${path}: ${isFolder ? 'is a directory' : 'not a directory'}; scan writes .${format} as a ${isFolder ? 'file' : 'directory'}`,
    );
  return { path, format };
}

/** Merges JSON lines into a file in `folder`, which must be empty. */
export function mergeLines(folder: string, parts: readonly Part[]): Merged {
  const path = join(folder, 'lines.jsonl');
  const descriptor = openSync(path, 'wx', 0o600);
  const known = new Set<string>();
  let [twice, isTaken, text] = [0, false, ''];
  const flush = (): void => {
    appendAll(descriptor, Buffer.from(text));
    text = '';
  };
  try {
    for (const part of parts)
      for (const line of linesOf(piecesOfFile(part.path))) {
        if (line === '') continue;
        const dump = dumpOf(line, part.path);
        if (dump !== null) {
          isTaken = !known.has(dump);
          if (!isTaken) twice++;
          known.add(dump);
        }
        if (!isTaken) continue;
        text += `${line}\n`;
        if (text.length > BATCH) flush();
      }
    flush();
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return { path, dumps: known.size, twice, results: resultsIn(path), others: new Map() };
}

const BATCH = 0x100000;

/** The path in the record of a dump; null for other records. Throws `UsageError` for what is not a result of scan. */
function dumpOf(line: string, path: string): string | null {
  if (!line.startsWith('{"record":"')) throw new UsageError(`${path}: not results of scan`);
  if (!line.startsWith('{"record":"dump",')) return null;
  try {
    return (JSON.parse(line) as { readonly dump: string }).dump;
  } catch {
    throw new UsageError(`${path}: a line is not complete`);
  }
}

/**
 * Merges tables into a file or a folder of files in `folder`, which must be empty; with null for the format into none. `hasResults`:
 * whether the results are wanted one dump after the other.
 */
export async function mergeTables(
  folder: string,
  format: TableFormat | null,
  parts: readonly Part[],
  hasResults: boolean,
): Promise<Merged> {
  const made = format === null ? null : join(folder, format === 'duckdb' ? 'tables.duckdb' : 'tables');
  if (made !== null && format !== 'duckdb') mkdirSync(made);
  const duck = await openDuck(format === 'duckdb' ? made : null, format ?? 'duckdb', join(folder, 'spill'));
  const lines = join(folder, 'report.jsonl');
  let merged: Omit<Merged, 'path'>;
  try {
    const sources = await Promise.all(parts.map((part, i) => tablesIn(duck, part, i)));
    await duck.connection.run(takenFrom(sources));
    if (made !== null && format !== null)
      for (const name of new Set(sources.flatMap((source) => [...source.keys()])))
        await duck.connection.run(mergedTable(name, sources, format, made));
    const others = hasResults ? await writeTableLines(duck, sources, lines) : new Map<string, number>();
    merged = { ...(await countsOf(duck)), results: hasResults ? resultsIn(lines, recordOf) : [], others };
    await duck.connection.run('DROP TABLE taken');
  } catch (cause) {
    throw cause instanceof UsageError ? cause : tableError(cause);
  } finally {
    duck.close();
  }
  const files = made === null ? [] : format === 'duckdb' ? [made] : readdirSync(made).map((name) => join(made, name));
  for (const file of files) synced(file);
  return { path: made, ...merged };
}

async function tablesIn({ connection }: Duck, { path, format }: Part, index: number): Promise<Source> {
  if (format === 'parquet')
    return new Map(
      readdirSync(path)
        .filter((name) => extname(name) === '.parquet')
        .map((name) => [basename(name, '.parquet'), `read_parquet(${textOf(join(path, name))})`]),
    );
  const catalog = nameOf(`part${index}`);
  await connection.run(`ATTACH ${textOf(path)} AS ${catalog} (READ_ONLY)`);
  const found = await connection.runAndReadAll(
    `SELECT table_name FROM duckdb_tables() WHERE database_name = ${textOf(`part${index}`)}`,
  );
  return new Map(found.getRows().map(([name]) => [String(name), `${catalog}.${nameOf(String(name))}`]));
}

/** The dumps of all parts, and the first part that has each. */
function takenFrom(sources: readonly Source[]): string {
  const all = sources.map((source, i) => {
    const rows = source.get('dump');
    if (rows === undefined) throw new UsageError('results without a table of dumps can not be merged');
    return `SELECT dump, ${i} AS part FROM ${rows}`;
  });
  return `CREATE TEMP TABLE taken AS SELECT dump, min(part) AS part, count(*) - 1 AS twice FROM (${all.join(' UNION ALL ')}) GROUP BY dump`;
}

function mergedTable(name: string, sources: readonly Source[], format: TableFormat, folder: string): string {
  const parts = sources.flatMap((source, i) => {
    const rows = source.get(name);
    return rows === undefined ? [] : [`SELECT * FROM ${rows} WHERE dump IN (SELECT dump FROM taken WHERE part = ${i})`];
  });
  const select = parts.join(' UNION ALL BY NAME ');
  if (format === 'duckdb') return `CREATE TABLE ${nameOf(name)} AS ${select}`;
  const options = format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet, COMPRESSION zstd';
  return `COPY (${select}) TO ${textOf(join(folder, `${name}.${format}`))} (${options})`;
}

async function countsOf({ connection }: Duck): Promise<{ dumps: number; twice: number }> {
  const found = await connection.runAndReadAll('SELECT count(*), coalesce(sum(twice), 0) FROM taken');
  const [[dumps, twice] = []] = found.getRows();
  return { dumps: Number(dumps), twice: Number(twice) };
}
