// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { type AskedAddress, type AskedRange, parseRange, printable } from '../core/text.js';
import { type Args, BadLine, type Context, command, type ExitCode, type HostGiven } from './command.js';
import { parseLogLine } from './log-lines.js';
import { flag } from './options.js';
import { Pieces } from './owner-pieces.js';
import { type OwnerRow, ownerKind } from './owner-rows.js';
import { OwnerSearch } from './owner-search.js';
import { ownerParagraphs, ownerTable } from './owner-text.js';
import { Warnings } from './problems.js';

/** An address in a line of the kernel's log, or a range of addresses. */
export type OwnerWord = AskedAddress | AskedRange;

const addresses: Args<OwnerWord> = {
  name: 'address',
  summary:
    "host physical addresses, hexadecimal, or ranges of them: FIRST-LAST or FIRST+SIZE; or lines of the kernel's log that name a page; - reads them from standard input, one per line",
  number: 'some',
  missing: 'the host physical addresses',
  stdin: true,
  parse: (word) => parseRange(word) ?? parseLogLine(word),
  invalid: (word) =>
    `'${word}' is not a hexadecimal address, a range of them (FIRST-LAST or FIRST+SIZE) or a line of the kernel's log that names a page`,
};
const options = {
  pfn: flag('the arguments are frame numbers: addresses divided by 4096; the size of a range is in pages'),
};
type OwnerContext = Context<typeof options, OwnerWord> & HostGiven;

/** Says which VMs and processes have pages of the host. */
export const owner = command({
  name: 'owner',
  summary: 'say which VMs and processes have physical pages of the host',
  description:
    "Lists every VM and every process that has a page of the host's physical memory: all address spaces of all VMs, with the guest physical address, and all other processes, with the virtual address and the file. What nobody has is named by the kind of page.",
  needs: 'owners',
  args: addresses,
  options,
  records: [ownerKind],
  csv: true,
  notes: [
    'All page tables of the host are searched once, however many addresses are asked for; with very many, once for each 4,194,304 pages (16 GiB). Addresses of standard input are answered when it ends.',
    'A page of a VM is not listed again as a page of its process. The zero page has no owner. An entry that names the page without mapping it, because of a memory error or during migration, is an owner with that state.',
    'COUNT is the number of mappings that the kernel counted. See docs/owner.md.',
  ],
  examples: [
    { line: 'owner -c vmcore f601840' },
    {
      line: "owner -c vmcore 'Memory failure: 0x1a2b3: recovery action for dirty LRU page: Recovered'",
      note: 'a line of the kernel log',
    },
    { line: 'owner -c vmcore 100000000-13fffffff --csv > owners.csv', note: 'all pages of 1 GiB' },
  ],
  exit: {
    0: 'all owners of every page are listed',
    1: 'owners may be missing, or the struct page of some pages is not known (problems says which), or a range is beyond the memory',
    2: 'nothing was answered',
  },

  async *run(context) {
    const answers = new Answers(context);
    for await (const group of context.asked)
      for (const asked of group) {
        answers.count++;
        if (answers.ask(asked)) yield answers.rows();
      }
    if (answers.count === 0) throw new UsageError('standard input has no addresses');
    yield answers.rows();
    return answers.end();
  },

  text: ({ words }) => (words.length > 0 && words.every(isOne) ? ownerParagraphs() : ownerTable()),
});

const isOne = (word: OwnerWord): boolean => 'digits' in word || word.first === word.last;

/** Answers in the order of the addresses. */
class Answers {
  /** Number of addresses and ranges that were asked for. */
  count = 0;
  #isWhole = true;
  readonly #search: OwnerSearch;
  readonly #warnings: Warnings;
  readonly #pieces: Pieces;

  constructor(readonly context: OwnerContext) {
    const { host, image, log } = context;
    this.#search = new OwnerSearch(host, image, log);
    this.#warnings = new Warnings(log, 'they were not answered either');
    this.#pieces = new Pieces(this.#search.end);
  }

  /** Notes what is asked. Returns whether `rows` must be called before more is asked. */
  ask(asked: OwnerWord | BadLine): boolean {
    const problem =
      asked instanceof BadLine
        ? `standard input, line ${asked.line}: ${addresses.invalid(printable(asked.text))}`
        : this.#pieces.add(asked, this.context.options.pfn);
    if (problem !== null) {
      this.#isWhole = false;
      this.#warnings.add(problem, () => problem);
    }
    return this.#pieces.isFull;
  }

  /** The answers to what was noted. */
  *rows(): Generator<OwnerRow> {
    for (const portion of this.#pieces.take())
      for (const row of this.#search.rows(portion)) {
        if (!row.isWhole) this.#isWhole = false;
        yield row;
      }
  }

  end(): ExitCode {
    this.#warnings.end();
    return this.#isWhole ? 0 : 1;
  }
}
