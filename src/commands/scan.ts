// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from 'node:os';
import { UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { objectSchema } from '../report/columns.js';
import { type RecordKind, schemaName } from '../report/records.js';
import type { Schema } from '../report/types.js';
import { type Entry, entriesOf, entriesOfNames, type Shard, shardOf, shellWords } from '../scan/entries.js';
import { fileKey } from '../scan/identity.js';
import { readListText } from '../scan/read-list.js';
import type { RecordTable } from '../scan/tables.js';
import { answersFromDump, type Context, command, type ManyGiven, type Request } from './command.js';
import { dumps } from './dump-rows.js';
import { file, flag, output, parsed, repeated } from './options.js';
import { checkWords } from './perform.js';
import { queueOptions, refuseQueueOptions } from './queue-options.js';
import { failures, queues } from './queue-rows.js';
import { scanQueue } from './scan-queue.js';
import { Report } from './scan-report.js';
import { type Asked, Scan } from './scan-run.js';

const wholeNumber =
  (most: number) =>
  (text: string): number | null =>
    /^[0-9]{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= most ? Number(text) : null;

const options = {
  list: file(
    'a list of dumps: a line for each, with all files of a split dump, and options for it; - is standard input',
    {
      excludes: [],
    },
  ),
  null: flag('the list has one file for each dump, and ends each name with a NUL byte (find -print0)'),
  run: repeated(
    'command',
    "what to ask: a command with its options, such as 'map --summary'; can be repeated (default: vms)",
  ),
  addresses: file('the addresses that commands with - for an address read: one per line'),
  jobs: parsed<number | null>('number', 'processes that work at a time (default: one for each processor)', null, {
    short: 'j',
    read: wholeNumber(4096),
    expected: 'it must be a number of processes from 1 on',
  }),
  timeout: parsed<number | null>('seconds', 'give up on a dump after this time', null, {
    read: wholeNumber(1e9),
    expected: 'it must be a number of seconds from 1 on',
  }),
  maxMemory: parsed<number | null>('MB', 'give up on a dump that needs more memory than this', null, {
    read: wholeNumber(1e9),
    expected: 'it must be a number of megabytes from 1 on',
  }),
  shard: parsed<Shard | null>('I/N', 'only part I of the list, divided into N parts', null, {
    read: shardOfText,
    expected: 'it must be I/N, two numbers with I from 1 to N',
  }),
  ...output,
  summary: flag('print a table of the dumps instead of the records'),
  html: file('write a page that shows all dumps and their VMs to this file, and print no records', { writes: true }),
  pictures: flag(
    'with --html: draw the memory of each VM that vms lists, as map --html does, in a folder beside the page',
  ),
  ...queueOptions,
};
type ScanContext = Context<typeof options, string> & ManyGiven;

/** Asks many dumps the same questions. */
export const scan = command({
  name: 'scan',
  summary: 'ask many dumps the same questions',
  description:
    'Runs commands on each of many dumps and prints the results as JSON lines: a record of each dump, and then those of the commands. A dump that can not be read costs one record.',
  needs: 'many',
  args: {
    name: 'dump',
    summary: 'a dump that is one file',
    number: 'any',
    missing: '',
    stdin: false,
    parse: (word: string) => word,
    invalid: (word) => word,
  },
  options,
  // Rows are lines that other processes wrote: the records are only described here.
  records: [dumps, queues, failures] as unknown as RecordKind<string | Uint8Array>[],
  csv: false,
  notes: [
    'A line of the list names the files of a dump, and can have the options --vmlinux, --kvm-module, --kvm-amd-module, --system-map, --layout, --vmcoreinfo and --input-format for it. Blanks separate words; quotes, backslashes and # are those of a shell. A file that is given twice is read once.',
    'Each record of a command has the members dump, the path, and run, the number of the --run from 1 on, after the first one. The order of the output is that of the dumps, whatever -j is.',
    'With -o or --html the results are collected in the folder FILE.parts until all are there (with both, in that of -o). A scan that was interrupted is continued by the same command: dumps that are done, and have not changed, are not read again.',
    'The page of --html is one file that a browser opens without a network: see docs/fleets.md. With --pictures, report.html has the pictures in the folder report.files; each takes about as long as map --html of the VM.',
    'With --queue, machines that share the files and the folder for results take dumps from a queue (docs/fleets.md): submit puts dumps into it, work analyses them, collect puts the results together, status says how far it is.',
  ],
  examples: [
    { line: 'scan /var/crash/*/vmcore' },
    { line: "scan --list dumps.txt --run vms --run 'vtop -g alpha -p 34de5840' -o results.jsonl" },
    { line: 'scan /var/crash/*/vmcore --html report.html --pictures', note: 'a page for a browser' },
    { line: 'scan --list dumps.txt --shard 3/16 -o part3.jsonl', note: 'one of 16 machines' },
    {
      line: 'scan --queue redis://queue.example submit --list /dumps/list --results /dumps/results',
      note: 'with a queue',
    },
    { line: 'scan --queue redis://queue.example work --root /dumps --results /dumps/results' },
    { line: 'scan --queue redis://queue.example collect --results /dumps/results -o all.parquet' },
  ],
  exit: {
    0: 'all commands ended with exit status 0 on all dumps',
    1: 'some dumps failed, or some answers are missing or incomplete; the records say which',
    2: 'no dump could be analysed',
  },

  async *run(context) {
    const { queue } = context.options;
    if (queue !== null)
      return yield* scanQueue(queue, context, {
        asked: (words) => askedOf({ ...context, words }),
        checkRun,
        tables: tablesOf,
        specs: options,
      });
    refuseQueueOptions(context.options);
    const asked = await askedOf(context);
    return yield* new Scan(asked, context).results();
  },

  text: () => ({ row: (piece: string | Uint8Array) => piece, showsProblems: true }),
});

async function askedOf(context: ScanContext): Promise<Asked> {
  const { options: given, words, parse, files } = context;
  const runs = (given.run.length === 0 ? ['vms'] : given.run).map((text) => shellWords(text, '--run'));
  const requests = runs.map(parse);
  for (const request of requests) checkRun(request);
  const listed = given.list === null ? [] : await listOf(given.list, given.null, context);
  if (given.null && given.list === null) throw new UsageError('--null needs --list');
  const entries = unique([...words.map((word) => ({ files: [word], options: [] })), ...listed]);
  if (given.pictures && given.html === null) throw new UsageError('--pictures needs --html');
  if (entries.length === 0)
    throw new UsageError(
      given.list === null ? 'the dumps are missing; see scan --help' : `${given.list}: no dump is listed`,
    );
  const asked = given.shard === null ? entries : shardOf(entries, given.shard);
  return {
    entries: asked,
    runs,
    input: given.addresses === null ? '' : await readListText(given.addresses, () => context.streams.input()),
    options: files,
    count: given.jobs ?? availableParallelism(),
    limits: { seconds: given.timeout ?? Infinity, memory: given.maxMemory === null ? Infinity : given.maxMemory * 1e6 },
    output: given.output,
    force: given.force,
    summary: given.summary,
    report: given.html === null ? null : reportOf(given.html, given, runs, asked),
    tables: tablesOf(requests),
  };
}

const reportOf = (
  path: string,
  { force, pictures, output: beside }: ScanContext['options'],
  runs: Asked['runs'],
  entries: readonly Entry[],
): Report =>
  new Report({
    path,
    force,
    hasPictures: pictures,
    runs,
    inputs: entries.flatMap(({ files }) => files),
    output: beside,
  });

/** Options that a line of a list can have. */
const OF_LINES = [
  '--vmlinux',
  '--kvm-module',
  '--kvm-amd-module',
  '--system-map',
  '--layout',
  '--vmcoreinfo',
  '--input-format',
];

async function listOf(path: string, isNull: boolean, { streams }: ScanContext): Promise<Entry[]> {
  const text = await readListText(path, () => streams.input());
  const name = path === '-' ? 'standard input' : printable(path, 400);
  return isNull ? entriesOfNames(text) : entriesOf(text, name, OF_LINES);
}

/** Each dump once. Names of one file are the same dump. */
function unique(entries: readonly Entry[]): Entry[] {
  const known = new Map<string, Entry>();
  for (const entry of entries) {
    const key = JSON.stringify([entry.files.map(fileKey), entry.options]);
    if (!known.has(key)) known.set(key, entry);
  }
  return [...known.values()];
}

/** Checks that a command can be run on many dumps: it must answer from a dump, with records. */
function checkRun(request: Request): void {
  const { command: inner, values } = request;
  if (!answersFromDump(inner) || inner.records.length === 0 || inner.needs === 'image')
    throw new UsageError(`--run '${inner.name}': it does not print records about a host`);
  const writes = Object.entries(inner.options).find(([name, spec]) => spec.writes === true && values[name] != null);
  if (writes !== undefined) throw new UsageError(`--run '${inner.name}': it can't write a file`);
  if (values.csv === true) throw new UsageError(`--run '${inner.name}': --csv is not possible; the records are JSON`);
  checkWords(request);
}

/** The tables for the records of commands. Those of the main command do not have a kind. */
function tablesOf(requests: readonly Request[]): Asked['tables'] {
  const all = new Map<string, RecordTable>();
  const tableFor = ({ command: { name: own } }: Request, kind: RecordKind<never>): RecordTable => {
    const table = kind.tagged ? schemaName(kind) : own;
    const made = all.get(table) ?? { table, schema: schemaIn(kind) };
    all.set(table, made);
    return made;
  };
  const dump = { table: dumps.name, schema: objectSchema(dumps.columns) };
  const byRun = requests.map(
    (request) =>
      new Map(
        request.command.records.map((kind) => [
          kind.tagged ? kind.name : request.command.name,
          tableFor(request, kind),
        ]),
      ),
  );
  return {
    tables: [dump, ...all.values()],
    tableOf(record, run) {
      const found = run === 0 ? dump : byRun[run - 1]?.get(record);
      if (found === undefined) throw new Error(`no table for ${record} of run ${run}`);
      return found;
    },
  };
}

/** The schema of a command's record in the results: with the path of the dump and the number of the run. */
function schemaIn({ columns }: RecordKind<never>): Schema {
  const { properties, ...schema } = objectSchema(columns);
  const { record = { type: 'string' }, ...others } = properties as Readonly<Record<string, Schema>>;
  return { ...schema, properties: { record, dump: { type: 'string' }, run: { type: 'integer' }, ...others } };
}

function shardOfText(text: string): Shard | null {
  const [, index, count] = /^([0-9]{1,6})\/([0-9]{1,6})$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  return shard.index >= 1 && shard.index <= shard.count ? shard : null;
}
