// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { lowerBound } from '../core/search.js';
import type { AskedRange } from '../core/text.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import { kinds } from '../report/records.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import type { PageRange } from '../spaces/ranges.js';
import { type SlotRun, SlotRuns } from '../spaces/slot-runs.js';
import { guestSpaceOf } from '../spaces/spaces.js';
import { Totals } from '../spaces/totals.js';
import { checkTarget } from '../write/target.js';
import { type Context, command, type VmGiven } from './command.js';
import { type Drawn, writePage } from './map-page.js';
import { type RunRow, runs, TotalRow, totals } from './map-rows.js';
import { mapText, sumsText } from './map-text.js';
import { addressSpace, file, flag, output } from './options.js';
import { Warnings } from './problems.js';
import { type AskedPages, pagesOf, ranges } from './ranges.js';
import { RunLister } from './run-lister.js';

const options = {
  addressSpace,
  summary: flag('print only the totals'),
  html: file('write a page that shows the memory as a picture to this file, and print only the totals', {
    writes: true,
  }),
  force: output.force,
};
type MapContext = Context<typeof options, AskedRange> & VmGiven;

/** Lists a VM's memory as runs of pages. */
export const map = command({
  name: 'map',
  summary: "list a VM's memory as runs of pages",
  description:
    "Lists the pages of a VM's memslots as runs: guest physical, host virtual and host physical addresses, state, page size and NUMA node of each run, in ascending order, and the totals.",
  needs: 'vm',
  args: ranges,
  options,
  records: kinds(runs, totals),
  csv: true,
  aside: (row) => (row instanceof TotalRow ? sumsText(row).trimEnd() : ''),
  notes: [
    'A run is the longest stretch of pages of one memslot with the same state, reason, page size and NUMA node whose host physical addresses (or places in swap) follow each other. Guest physical addresses that are in no memslot are not listed.',
    'A page is not mapped if its page-table entry is empty. Private memory was never touched then, or was freed, for example by a balloon; a page of shared memory or of a file may be in the page cache or in swap.',
    'The page of --html is one file that a browser opens without a network: see docs/picture.md. A file that exists is only overwritten with --force.',
  ],
  examples: [
    { line: 'map -c vmcore -g 191579' },
    { line: 'map -c vmcore -g alpha --summary', note: 'only the totals' },
    { line: 'map -c vmcore -g alpha -p 100000-1fffff 80000000+200000 --json', note: 'two ranges, as JSON' },
    { line: 'map -c vmcore -g alpha --csv > map.csv', note: 'totals go to standard error' },
    { line: 'map -c vmcore -g alpha --html alpha.html', note: 'as a picture' },
  ],
  exit: {
    0: 'the runs and the totals are complete',
    1: 'gaps or damage in the dump hide memslots or pages (problems says which), or a range has no memslot',
    2: 'nothing was listed',
  },

  async *run(context) {
    const { form, options: given, log } = context;
    if (given.force && given.html === null) throw new UsageError('--force needs --html');
    const target = given.html === null ? null : checkTarget(given.html, given.force, context.inputs);
    const asked = new Asked(context, await pagesOf(context));
    const sums = new Totals();
    if (target !== null) await writePage(context, target, asked.drawn(sums));
    else if (given.summary) asked.count(sums);
    else if (form !== 'text') yield asked.rows(sums);
    else {
      // People read the totals first, so the memory is walked twice for them.
      asked.count(sums);
      yield [asked.total(sums)];
      yield asked.rows(new Totals());
    }
    const total = asked.total(sums);
    if (given.summary || target !== null || form !== 'text') yield [total];
    const isEmpty = asked.warnOfEmpty(log);
    return total.complete && !isEmpty ? 0 : 1;
  },

  text: () => mapText(),
});

/** The pages that a range touches, as addresses. */
const rangeText = ({ first, last }: AskedRange): string =>
  `0x${(first & ~0xfffn).toString(16)}-0x${(last | 0xfffn).toString(16)}`;

/** The memory that a question is about. */
class Asked {
  readonly #space: GuestSpace;
  readonly #lister: RunLister;
  readonly #addressSpace: number;
  readonly #problems: string[] = [];
  readonly #pages: readonly PageRange[] | null;

  constructor(
    { host, selected, options: given, log }: MapContext,
    readonly asked: AskedPages | null,
  ) {
    this.#pages = asked?.pages ?? null;
    this.#addressSpace = given.addressSpace;
    const of = { pid: selected.pid, kvm: selected.vm.address, addressSpace: given.addressSpace };
    this.#space = log.step('memslots', () => guestSpaceOf(selected.vm, given.addressSpace));
    const { missing } = this.#space.slots;
    if (missing !== null) this.#problems.push(`memslots may be missing: ${missing}`);
    this.#lister = new RunLister(of, host, log);
  }

  /** The runs; they are added to `sums` on the way. */
  rows(sums: Totals): Generator<RunRow<SlotRun>> {
    return this.#lister.rows(this.#cursor(), sums);
  }

  /** What the page is drawn from; the runs are added to `sums` when they are read. */
  drawn(sums: Totals): Drawn {
    const total = (): TotalRow => this.total(sums);
    const [space, addressSpace, pages] = [this.#space, this.#addressSpace, this.#pages];
    return { space, addressSpace, ranges: pages, rows: this.rows(sums), total };
  }

  /** Adds all runs to `sums`. */
  count(sums: Totals): void {
    this.#lister.count(this.#cursor(), sums);
  }

  total(sums: Totals): TotalRow {
    return this.#lister.total(sums, this.#problems);
  }

  #cursor(): SlotRuns {
    return new SlotRuns(this.#space, this.#pages ?? ALL, this.#lister.nodes);
  }

  /** Warns of each range that was asked for of which no page is in a memslot. Returns whether there is one. */
  warnOfEmpty(log: Log): boolean {
    const { slots } = this.#space.slots;
    const warnings = new Warnings(log, 'slots lists all memslots');
    const empty = (this.asked?.each ?? []).filter(({ pages }) => !isInSlots(slots, pages));
    for (const { range } of empty) {
      const text = rangeText(range);
      warnings.add(text, () => `no memslot has guest physical addresses ${text}`);
    }
    warnings.end();
    return empty.length > 0;
  }
}

/** Whether a page of a range is in a slot. `slots`: ascending. */
function isInSlots(slots: readonly Memslot[], { first, end }: PageRange): boolean {
  const endOf = (slot: Memslot | undefined): number => (slot === undefined ? 0 : slot.first + slot.pages);
  const slot = slots[lowerBound(slots.length, (i) => endOf(slots[i]) > first)];
  return slot !== undefined && slot.first < end;
}

/** All guest physical addresses. */
const ALL: readonly PageRange[] = [{ first: 0, end: 2 ** 52 }];
