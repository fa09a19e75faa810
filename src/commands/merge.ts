// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { mergeLines, mergeTables, partOf } from '../scan/merge.js';
import { checkOutput, finishOutput } from '../scan/output.js';
import { Store } from '../scan/store.js';
import { requireDuckDb } from '../scan/tables.js';
import { command } from './command.js';
import { output } from './options.js';

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
  options: output,
  records: [],
  csv: false,
  notes: [
    'JSON lines are merged to JSON lines, tables to .parquet, .duckdb or .csv. A dump that is in several of the results is taken from the first.',
  ],
  examples: [{ line: 'merge part1.jsonl part2.jsonl -o all.jsonl' }, { line: 'merge part*.duckdb -o all.parquet' }],
  exit: { 0: 'the results were merged', 2: 'nothing was written' },

  async *run({ words, options: { output: path, force }, log }) {
    if (path === null) throw new UsageError('-o is missing: the file to write; see merge --help');
    const parts = words.map(partOf);
    const target = checkOutput(path, force, words);
    const { format } = target;
    const lines = parts.filter((part) => part.format === 'jsonl');
    if (format === 'jsonl' ? lines.length < parts.length : lines.length > 0)
      throw new UsageError(
        `JSON lines can only be merged to .jsonl, and tables only to .parquet, .duckdb or .csv; scan -o writes each of them`,
      );
    if (format !== 'jsonl') await requireDuckDb(format);
    const store = new Store(`${target.path}.parts`);
    store.open();
    try {
      const folder = store.scratch();
      const made = format === 'jsonl' ? mergeLines(folder, parts) : await mergeTables(folder, format, parts);
      finishOutput(made.path, target, folder);
      if (made.twice > 0) log.warn(`dumps that several results have are taken from the first of them: ${made.twice}`);
      yield [`${oneLine(path)}: ${made.dumps} dumps\n`];
    } finally {
      store.close();
    }
    store.remove();
    return 0;
  },

  text: () => ({ row: (text: string) => text }),
});
