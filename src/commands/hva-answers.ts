// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Vpn } from '../core/address.js';
import { least } from '../core/bigints.js';
import { DumpError } from '../core/errors.js';
import { type AskedAddress, type AskedRange, parseAddress, parseRange, printable } from '../core/text.js';
import { findVma } from '../kernel/vma.js';
import { VmaNames } from '../kernel/vma-names.js';
import type { MmSpace } from '../spaces/mm-space.js';
import { merged, type PageRange } from '../spaces/ranges.js';
import { mmSpaceOf } from '../spaces/spaces.js';
import { Totals } from '../spaces/totals.js';
import { VmaAreas } from '../spaces/vma-areas.js';
import { VmaRuns } from '../spaces/vma-runs.js';
import { ProcessTranslator } from '../translate/process-translator.js';
import { type Args, BadLine, type Context, type ExitCode, type ProcessGiven } from './command.js';
import { HvaRow, type NamedVma } from './hva-rows.js';
import type { RunRow, TotalRow } from './map-rows.js';
import { flag } from './options.js';
import { RunLister } from './run-lister.js';

/** An address, or a range of addresses. */
export type Word = AskedAddress | AskedRange;

export const addresses: Args<Word> = {
  name: 'address',
  summary:
    'a virtual address, or a range of them: FIRST-LAST or FIRST+SIZE; hexadecimal; - reads them from standard input, one per line',
  number: 'any',
  missing: 'the virtual addresses',
  stdin: true,
  parse: (word) => (/[-+]/.test(word) ? parseRange(word) : parseAddress(word)),
  invalid: (word) => `'${word}' is not a hexadecimal address or range: FIRST-LAST or FIRST+SIZE`,
};
export const options = { all: flag('list the whole memory of the process as runs of pages') };
const PAGE = BigInt(PAGE_SIZE);
type HvaContext = Context<typeof options, Word> & ProcessGiven;
type Row = HvaRow | RunRow | TotalRow;

/** The memory of a process that is asked about. */
export class Asked {
  #isMissing = false;
  #isComplete = true;
  /** Null as long as no range was asked for. */
  #sums: Totals | null = null;
  /** Pages in no mapping; null if mappings may be missing. */
  #gaps: number | null = 0;
  /** The ranges that were asked for, in pages. */
  readonly #ranges: PageRange[] = [];
  readonly #problems = new Set<string>();
  readonly #space: MmSpace;
  readonly #translator: ProcessTranslator;
  readonly #row: HvaRow;
  readonly #names: VmaNames;
  #lister: RunLister | null = null;

  constructor(readonly context: HvaContext) {
    const { host, process } = context;
    this.#space = mmSpaceOf(host, process.mm);
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
        yield this.#row.setInvalid(word, addresses.invalid(printable(word.text)));
      } else if ('digits' in word) yield this.#point(word);
      else yield* this.#range(word.first, word.last + 1n);
    }
  }

  /** All mappings. `isTotalFirst`: for people. */
  *whole(isTotalFirst: boolean): Generator<readonly TotalRow[] | Iterable<RunRow>, ExitCode> {
    const { limit } = this.#space;
    if (isTotalFirst) {
      this.#count([{ first: 0, end: limit }]);
      yield [this.total() as TotalRow];
    }
    this.#begin();
    yield this.#range(0n, BigInt(limit) * PAGE);
    const total = this.total() as TotalRow;
    if (!isTotalFirst) yield [total];
    return total.complete ? 0 : 1;
  }

  /** The totals of all ranges, with each page once; null if none was asked for. */
  total(): TotalRow | null {
    if (this.#sums === null) return null;
    const once = merged(this.#ranges);
    if (lengthOf(once) < lengthOf(this.#ranges)) this.#count(once);
    const gaps = this.#gaps === null ? null : this.#gaps * PAGE_SIZE;
    const total = this.#listing.total(this.#sums, [...this.#problems], gaps);
    this.#isComplete &&= total.complete;
    return total;
  }

  #point({ frame, offset, digits }: AskedAddress): HvaRow {
    const state = this.#translator.translate(frame as Vpn | null, offset);
    if (state !== 'mapped') this.#isMissing = true;
    const vma = frame === null ? null : this.#vmaAt(BigInt(frame) * PAGE);
    return this.#row.set(digits, this.#translator, vma);
  }

  *#range(from: bigint, to: bigint): Generator<RunRow> {
    this.#sums ??= new Totals();
    const pages = this.#pagesOf(from, to);
    this.#ranges.push(pages);
    yield* this.#listing.rows(this.#runs(pages), this.#sums);
  }

  /** Begins to sum. */
  #begin(): Totals {
    this.#gaps = 0;
    this.#sums = new Totals();
    return this.#sums;
  }

  #count(ranges: readonly PageRange[]): void {
    const sums = this.#begin();
    for (const range of ranges) this.#listing.count(this.#runs(range), sums);
  }

  /** The pages of a range that are in the memory of a process. */
  #pagesOf(from: bigint, to: bigint): PageRange {
    const end = BigInt(this.#space.limit) * PAGE;
    if (to > end) this.#problems.add(`addresses from 0x${end.toString(16)} on are not in the memory of a process`);
    return { first: Number(least(from, end) / PAGE), end: Number((least(to, end) + PAGE - 1n) / PAGE) };
  }

  get #listing(): RunLister {
    const { host, log } = this.context;
    this.#lister ??= new RunLister({ pid: this.#row.pid, kvm: null, addressSpace: null }, host, log);
    return this.#lister;
  }

  #runs({ first, end }: PageRange): VmaRuns {
    const { host, process, options: given } = this.context;
    const areas = new VmaAreas(host, process.mm, BigInt(first), BigInt(end));
    if (areas.missing !== null) {
      this.#problems.add(`mappings may be missing: ${areas.missing}`);
      this.#gaps = null;
    } else if (this.#gaps !== null) this.#gaps += given.all ? areas.between : areas.gaps;
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

const lengthOf = (ranges: readonly PageRange[]): number => ranges.reduce((sum, { first, end }) => sum + end - first, 0);
