// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { type AskedRange, parseRange } from '../core/text.js';
import { type Args, BadLine, type Context, command, type ExitCode, type HostGiven } from './command.js';
import { flag } from './options.js';
import { PageRow } from './page-row.js';
import { page as pageKind } from './page-rows.js';
import { pageParagraphs, pageTable } from './page-text.js';
import { Warnings } from './problems.js';

/** Frames of the physical address space of x86-64: 2^52 bytes. */
const FRAMES = 2 ** 40;
/** Rows between two reports of progress. */
const TICK = 0x1000;

const addresses: Args<AskedRange> = {
  name: 'address',
  summary:
    'host physical addresses, hexadecimal, or ranges of them: FIRST-LAST or FIRST+SIZE; - reads them from standard input, one per line',
  number: 'some',
  missing: 'the host physical addresses',
  stdin: true,
  parse: parseRange,
  invalid: (word) => `'${word}' is not a hexadecimal address or range: FIRST-LAST or FIRST+SIZE`,
};
const options = {
  pfn: flag('the arguments are frame numbers: addresses divided by 4096; the size of a range is in pages'),
};
type PageContext = Context<typeof options, AskedRange> & HostGiven;

/** Says what pages of the host are. */
export const page = command({
  name: 'page',
  summary: 'say what physical pages of the host are',
  description:
    "Says what pages of the host's physical memory are, from the kernel's struct page: anonymous memory, a file, a huge page, free, a page table and so on; their flags and counts as /proc/kpageflags and /proc/kpagecount of that kernel have them, NUMA node, zone, memory cgroup, file, and place in swap.",
  needs: 'host',
  args: addresses,
  options,
  records: [pageKind],
  csv: true,
  notes: [
    "For addresses the text is a paragraph each; for ranges and for standard input it is a table, a line for each page. ORDER is that of the compound page, REFS are references to it, MAPS are mappings of the page, KPAGEFLAGS the names of the bits as the kernel's tool page-types has them. FILE is the path, or the inode, and the offset in the file.",
    "A page whose kind is 'none' has no struct page: there is no memory, or none that the kernel uses. One whose kind is 'unknown' has one that is not in the dump. Ranges end where the machine's memory ends.",
  ],
  examples: [
    { line: 'page -c vmcore f601840' },
    { line: 'page -c vmcore --pfn 1a2b3', note: 'a frame of the kernel log' },
    { line: 'page -c vmcore 0-ffffffffff --csv > pages.csv', note: 'all pages of the machine' },
  ],
  exit: {
    0: 'every page has an answer',
    1: 'the struct page of some pages, or a part of what is asked, is not in the dump or not known (problems says which), or a range is beyond the memory',
    2: 'nothing was answered',
  },

  async *run(context) {
    const { host, image, asked, log } = context;
    const answers = new Answers(
      context,
      log.step('struct pages', () => new PageRow(host, image)),
    );
    for await (const group of asked) yield answers.of(group);
    if (answers.count === 0) throw new UsageError('standard input has no addresses');
    return answers.end();
  },

  text: ({ words }) => (words.length > 0 && words.every(isOne) ? pageParagraphs() : pageTable()),
});

const isOne = ({ first, last }: AskedRange): boolean => first === last;

/** Answers in the order of the addresses. One object is used for all rows. */
class Answers {
  /** Number of addresses and ranges that were answered. */
  count = 0;
  #isWhole = true;
  readonly #warnings: Warnings;

  constructor(
    readonly context: PageContext,
    readonly row: PageRow,
  ) {
    this.#warnings = new Warnings(context.log, 'they were not answered either');
  }

  end(): ExitCode {
    this.#warnings.end();
    return this.#isWhole ? 0 : 1;
  }

  *of(group: readonly (AskedRange | BadLine)[]): Generator<PageRow> {
    for (const asked of group) {
      this.count++;
      if (asked instanceof BadLine) this.#fail(asked.problem(addresses));
      else if (isOne(asked)) yield* this.#one(asked.first);
      else yield* this.#range(asked);
    }
  }

  *#one(address: bigint): Generator<PageRow> {
    const { pfn } = this.context.options;
    const frame = pfn ? address : address >> 12n;
    if (frame < BigInt(FRAMES)) yield this.#look(Number(frame), pfn ? 0 : Number(address & 0xfffn));
    else this.#fail(`${address.toString(16)} is above the physical address space of x86-64, which has 52 bits`);
  }

  *#range({ first, last }: AskedRange): Generator<PageRow> {
    const unit = this.context.options.pfn ? 1n : 4096n;
    const { end } = this.row.facts;
    const [from, to] = [Number(first / unit), Math.min(Number(last / unit) + 1, end)];
    if (from >= end) this.#fail(`${first.toString(16)}-${last.toString(16)} is beyond the memory of the machine`);
    for (let frame = from; frame < to; frame++) {
      if (frame % TICK === 0) this.context.log.tick((frame - from) / (to - from));
      yield this.#look(frame, 0);
    }
  }

  #look(frame: number, offset: number): PageRow {
    const { row } = this;
    row.set(frame, offset);
    if (row.facts.problems.length > 0) this.#isWhole = false;
    return row;
  }

  #fail(problem: string): void {
    this.#isWhole = false;
    this.#warnings.add(problem, () => problem);
  }
}
