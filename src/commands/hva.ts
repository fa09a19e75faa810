// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Vpn } from '../core/address.js';
import { DumpError, orNull, UsageError } from '../core/errors.js';
import { type AskedAddress, type AskedRange, parseAddress, parseRange, printable } from '../core/text.js';
import { findVma } from '../kernel/vma.js';
import { VmaNames } from '../kernel/vma-names.js';
import { kinds, type RowWriter } from '../report/records.js';
import { table } from '../report/table.js';
import { processBlock } from '../report/text.js';
import { MmSpace } from '../spaces/mm-space.js';
import type { PlacedRun } from '../spaces/placed-runs.js';
import { Totals } from '../spaces/totals.js';
import { VmaAreas } from '../spaces/vma-areas.js';
import { type VmaRun, VmaRuns } from '../spaces/vma-runs.js';
import { ProcessTranslator } from '../translate/process-translator.js';
import { SurroundingsOf } from '../translate/surroundings.js';
import { invalid, NOTHING } from './answered.js';
import { BadLine, type Context, command, type ExitCode, type ProcessGiven } from './command.js';
import { HvaRow, hvas, type NamedVma } from './hva-rows.js';
import { RunRow, runs, TotalRow, totals } from './map-rows.js';
import { found, rangeOf, stateOf, totalText } from './map-text.js';
import { flag } from './options.js';
import { Warnings } from './problems.js';
import { RunLister } from './run-lister.js';

/** An address, or a range of addresses. */
type Word = AskedAddress | AskedRange;

const options = { all: flag('list the whole memory of the process as runs of pages') };
const PAGE = BigInt(PAGE_SIZE);
type HvaContext = Context<typeof options, Word> & ProcessGiven;
type Row = HvaRow | RunRow | TotalRow;

/** Translates virtual addresses of any process. */
export const hva = command({
  name: 'hva',
  summary: 'translate virtual addresses of a process',
  description:
    'Translates virtual addresses of any process of the host to host physical addresses, or lists ranges of its memory as runs of pages. The host need not run KVM.',
  needs: 'process',
  args: {
    name: 'address',
    summary:
      'a virtual address, or a range of them: FIRST-LAST or FIRST+SIZE; hexadecimal; - reads them from standard input, one per line',
    number: 'any',
    missing: 'the virtual addresses',
    stdin: true,
    parse: (word): Word | null => (/[-+]/.test(word) ? parseRange(word) : parseAddress(word)),
    invalid: (word) => `'${word}' is not a hexadecimal address or a range of them (FIRST-LAST or FIRST+SIZE)`,
  },
  options,
  records: kinds(hvas, runs, totals),
  csv: false,
  notes: [
    'For an address, the text is that of the vtop command of crash. For ranges and --all, the pages of the mappings are listed as runs, as by map, with totals; addresses in no mapping are only counted.',
    'The answers are those of the page tables. Memory of a guest that is in a guest_memfd is not reached through them.',
  ],
  examples: [
    { line: 'hva -c vmcore -g 1234 7f5763e01840' },
    { line: 'hva -c vmcore -g 1234 7f5763e00000-7f5763ffffff --json', note: 'a range, as JSON' },
    { line: 'hva -c vmcore -g 1234 --all', note: 'all its memory, totals first' },
  ],
  exit: {
    0: 'every address has a host physical address, and ranges are complete',
    1: 'some addresses have no host physical address, or gaps or damage in the dump hide pages of a range',
    2: 'nothing was answered',
  },

  async *run(context) {
    const { options: given, words, log, form } = context;
    const asked = new Asked(context);
    if (given.all) {
      if (words.length > 0) throw new UsageError('--all and addresses exclude each other');
      return yield* asked.whole(form === 'text');
    }
    let count = 0;
    for await (const group of context.asked) {
      count += group.length;
      yield asked.answers(group);
    }
    if (count === 0) throw new UsageError('addresses are missing: name some, or use --all');
    const total = asked.total();
    if (total !== null) yield [total];
    log.found(`${count} addresses and ranges`);
    return asked.exit;
  },

  text({ host, process, log }) {
    const surroundings = new SurroundingsOf(host, process.mm);
    const reasons = new Warnings(log, "--json has them all, as 'message'");
    const runTable = (): RowWriter<RunRow> => tableOf(new VmaNames(host, process.mm));
    let ranges: RowWriter<RunRow> | null = null;
    let isFirst = true;
    const apart = (text: string): string => {
      const rows = ranges?.end?.() ?? '';
      ranges = null;
      const space = isFirst ? '' : '\n';
      isFirst = false;
      return `${rows}${space}${text}`;
    };
    return {
      row(row) {
        if (row instanceof TotalRow) return apart(totalText(row));
        if (row instanceof RunRow) {
          const start = ranges === null ? apart('') : '';
          ranges ??= runTable();
          return `${start}${ranges.row(row) as string}`;
        }
        const { digits, what, answer } = row;
        if (answer.state !== 'mapped') reasons.add(what, () => `${what}: ${answer.message ?? answer.state}`);
        const around = digits === null ? NOTHING : surroundings.find(answer);
        return apart(processBlock(digits ?? printable(row.what, 64), answer, around));
      },
      end() {
        reasons.end();
        return ranges?.end?.() ?? '';
      },
    };
  },
});

const tableOf = (names: VmaNames): RowWriter<RunRow> =>
  table<RunRow>([
    { heading: 'VIRTUAL', align: 'right', text: ({ run }) => rangeOf(run.page, run.pages) },
    ...found,
    { heading: 'STATE', text: stateOf },
    { heading: 'MAPPING', text: ({ run }) => mappingOf(run, names) },
  ]);

function mappingOf(run: PlacedRun, names: VmaNames): string {
  const { vma } = run as VmaRun;
  return vma === null ? '(no mapping)' : printable(orNull(() => names.nameOf(vma)) ?? '', 4096);
}

/** The memory of a process that is asked about. */
class Asked {
  #isMissing = false;
  #isComplete = true;
  /** Null as long as no range was asked for. */
  #sums: Totals | null = null;
  #gaps = 0;
  readonly #problems = new Set<string>();
  readonly #space: MmSpace;
  readonly #translator: ProcessTranslator;
  readonly #row: HvaRow;
  readonly #names: VmaNames;
  #lister: RunLister | null = null;

  constructor(readonly context: HvaContext) {
    const { host, process } = context;
    this.#space = new MmSpace(host, process.mm);
    this.#translator = new ProcessTranslator(this.#space);
    this.#row = new HvaRow(process.task.tgid, this.#translator);
    this.#names = new VmaNames(host, process.mm);
  }

  get exit(): ExitCode {
    return this.#isMissing || !this.#isComplete ? 1 : 0;
  }

  /** The answers to addresses, and the runs of ranges, in the order in which they were asked. */
  *answers(group: readonly (Word | BadLine)[]): Generator<Row> {
    for (const word of group) {
      if (word instanceof BadLine) {
        this.#isMissing = true;
        yield this.#row.set(null, `line ${word.line} of standard input`, invalid(word.text), null);
      } else if ('digits' in word) yield this.#point(word);
      else yield* this.#range(word.first, word.last + 1n);
    }
  }

  /** All mappings. `isTotalFirst`: for people. */
  *whole(isTotalFirst: boolean): Generator<readonly TotalRow[] | Iterable<RunRow>, ExitCode> {
    const end = BigInt(this.#space.limit) * PAGE;
    if (isTotalFirst) {
      this.#count(0n, end);
      yield [this.total() as TotalRow];
      this.#sums = null;
    }
    yield this.#range(0n, end);
    const total = this.total() as TotalRow;
    if (!isTotalFirst) yield [total];
    return total.complete ? 0 : 1;
  }

  /** The totals of all ranges; null if none was asked for. */
  total(): TotalRow | null {
    if (this.#sums === null) return null;
    const total = this.#listing.total(this.#sums, [...this.#problems], this.#gaps);
    this.#isComplete &&= total.complete;
    return total;
  }

  #point({ frame, offset, digits }: AskedAddress): HvaRow {
    const state = this.#translator.translate(frame as Vpn | null, offset);
    if (state !== 'mapped') this.#isMissing = true;
    const vma = frame === null ? null : this.#vmaAt(BigInt(frame) * PAGE);
    return this.#row.set(digits, digits, this.#translator, vma);
  }

  *#range(from: bigint, to: bigint): Generator<RunRow> {
    this.#sums ??= new Totals();
    yield* this.#listing.rows(this.#runs(from, to), this.#sums);
  }

  #count(from: bigint, to: bigint): void {
    this.#sums ??= new Totals();
    this.#listing.count(this.#runs(from, to), this.#sums);
  }

  get #listing(): RunLister {
    const { host, log } = this.context;
    this.#lister ??= new RunLister({ pid: this.#row.pid, kvm: null, addressSpace: null }, host, log);
    return this.#lister;
  }

  #runs(from: bigint, to: bigint): VmaRuns {
    const { host, process, options: given, log } = this.context;
    const end = BigInt(this.#space.limit) * PAGE;
    if (to > end) {
      this.#isMissing = true;
      log.warn(`addresses from 0x${end.toString(16)} on are not in the memory of a process`);
    }
    const areas = new VmaAreas(host, process.mm, from / PAGE, (min(to, end) + PAGE - 1n) / PAGE);
    if (areas.missing !== null) this.#problems.add(`mappings may be missing: ${areas.missing}`);
    this.#gaps += (given.all ? areas.between : areas.gaps) * PAGE_SIZE;
    return new VmaRuns(this.#space, areas.parts, this.#listing.nodes);
  }

  #vmaAt(address: bigint): NamedVma | null {
    const { host, process } = this.context;
    const vma = this.#known(() => findVma(host, process.mm, address));
    return vma === null ? null : { vma, file: this.#known(() => this.#names.nameOf(vma)) };
  }

  /** What can be read; null, with a warning, if it can't. */
  #known<T>(read: () => T | null): T | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      this.context.log.warn(error.message, error);
      return null;
    }
  }
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
