// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { oneLine } from '../core/one-line.js';
import { mergeLines, mergeTables, type Part, partOf } from '../scan/merge.js';
import { checkOutput, finishOutput, type Output } from '../scan/output.js';
import { Store } from '../scan/store.js';
import { requireDuckDb, type TableFormat } from '../scan/tables.js';
import { namingError } from '../write/target.js';
import { command } from './command.js';
import { file, output } from './options.js';
import { Report } from './scan-report.js';

/** Puts the results of several scans together. */
export const merge = command({
  name: 'merge',
  summary: 'put the results of several scans together',
  description:
    'Merges results that scan has written, such as those of --shard on several machines: JSON lines, or tables (.parquet, .duckdb) through DuckDB.',
  needs: 'nothing',
  args: {
    name: 'results',
    summary: 'what scan -o has written: .jsonl, .parquet or .duckdb',
    number: 'some',
    missing: 'the results to merge',
    stdin: false,
    parse: (word: string) => word,
    invalid: (word) => word,
  },
  options: {
    ...output,
    html: file('write a page that shows all dumps and their VMs to this file, as scan --html does', { writes: true }),
  },
  records: [],
  csv: false,
  notes: [
    'JSON lines are merged to JSON lines, tables to .parquet, .duckdb or .csv. A dump that is in several of the results is taken from the first.',
    'With --html, -o can be left out. The page is that of scan --html, without pictures: see docs/fleets.md.',
  ],
  examples: [
    { line: 'merge part1.jsonl part2.jsonl -o all.jsonl' },
    { line: 'merge part*.duckdb -o all.parquet' },
    { line: 'merge part*.jsonl --html report.html', note: 'a page for a browser' },
  ],
  exit: { 0: 'the results were merged', 2: 'nothing was written' },

  async *run({ words, options: { output: path, force, html }, log }) {
    if (path === null && html === null)
      throw new UsageError('-o or --html is missing: the file to write; see merge --help');
    const parts = words.map(partOf);
    const target = path === null ? null : checkOutput(path, force, words);
    const report =
      html === null
        ? null
        : new Report({ path: html, force, output: path, hasPictures: false, runs: null, inputs: words });
    if (kindOf(parts, target) === 'tables') await requireDuckDb(formatOf(target) ?? 'duckdb');
    const store = new Store(target === null ? (report as Report).parts : `${target.path}.parts`);
    let dumps: number;
    try {
      store.open();
      // Nothing of it is of use to another attempt.
      dumps = await merged(store, { parts, target, report, log }).finally(() => {
        store.abandon();
      });
    } catch (error) {
      throw namingError(store.folder, error);
    }
    if (path !== null) yield [`${oneLine(path)}: ${dumps} dumps\n`];
    return 0;
  },

  text: () => ({ row: (text: string) => text }),
});

interface Merging {
  readonly parts: readonly Part[];
  readonly target: Output | null;
  readonly report: Report | null;
  readonly log: Log;
}

/** Merges results, and gives them their name; returns the number of dumps. */
async function merged(store: Store, { parts, target, report, log }: Merging): Promise<number> {
  const folder = store.scratch();
  const made =
    kindOf(parts, target) === 'lines'
      ? mergeLines(folder, parts)
      : await mergeTables(folder, formatOf(target), parts, report !== null);
  await report?.write(made.results, log, made.others);
  if (target !== null && made.path !== null) finishOutput(made.path, target, folder);
  if (made.twice > 0) log.warn(`dumps that several results have are taken from the first of them: ${made.twice}`);
  return made.dumps;
}

/** The format of tables; null if none are wanted. */
const formatOf = (target: Output | null): TableFormat | null =>
  target === null || target.format === 'jsonl' ? null : target.format;

/** Whether the results are JSON lines or tables. Throws `UsageError` if they are not the same as the merged ones. */
function kindOf(parts: readonly Part[], target: Output | null): 'lines' | 'tables' {
  const lines = parts.filter(({ format }) => format === 'jsonl').length;
  if (lines > 0 && lines < parts.length)
    throw new UsageError(
      'JSON lines can only be merged with JSON lines, and tables with tables; scan -o writes each of them',
    );
  const kind = lines > 0 ? 'lines' : 'tables';
  if (target !== null && (target.format === 'jsonl') !== (kind === 'lines'))
    throw new UsageError(
      'JSON lines can only be merged to .jsonl, and tables only to .parquet, .duckdb or .csv; scan -o writes each of them',
    );
  return kind;
}
