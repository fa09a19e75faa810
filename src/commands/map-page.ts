// SPDX-License-Identifier: Apache-2.0
// The page of map --html.
import { orNull } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { printable } from '../core/text.js';
import { assetsOf } from '../html/assets.js';
import { htmlPage, type PageRest, type PageSource } from '../html/page.js';
import { Tasks } from '../kernel/tasks.js';
import { heldAlone } from '../kvm/all-vms.js';
import { argumentsOfVm } from '../kvm/names.js';
import type { Selected } from '../kvm/select.js';
import { digitsOfPage } from '../report/hex.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import type { PageRange } from '../spaces/ranges.js';
import type { SlotRun } from '../spaces/slot-runs.js';
import { Totals } from '../spaces/totals.js';
import { writePieces } from '../write/pieces.js';
import type { Target } from '../write/target.js';
import type { Context, VmGiven } from './command.js';
import type { RunRow, TotalRow } from './map-rows.js';
import { type Asked, slotsTable, spacesTable, totalsTable } from './map-tables.js';
import { WORDS } from './map-text.js';
import type { Options } from './options.js';
import { backingText, rowOf, type SlotRow } from './slots.js';

/** The memory that a page shows. */
export interface Drawn {
  readonly space: GuestSpace;
  readonly addressSpace: number;
  /** Null: all of it. */
  readonly ranges: readonly PageRange[] | null;
  readonly rows: Iterable<RunRow<SlotRun>>;
  /** The totals of the rows that were read. */
  readonly total: () => TotalRow;
}

type PageContext = Context<Options, unknown> & VmGiven;

/** Writes the page, and reports it. Reads the runs of `drawn` once. */
export async function writePage(context: PageContext, target: Target, drawn: Drawn): Promise<void> {
  const { log } = context;
  const counts = new Map<number, Asked>();
  const pieces = htmlPage(sourceOf(context, drawn, counts), assetsOf('picture'));
  const bytes = await log.stepAsync('page', () => writePieces(target, pieces));
  const { runs } = drawn.total();
  log.note(`${oneLine(target.path)}: ${runs} ${runs === 1 ? 'run' : 'runs'}, ${bytes} bytes`);
}

function sourceOf(context: PageContext, drawn: Drawn, counts: Map<number, Asked>): PageSource {
  const { selected, host, question } = context;
  const { name, facts } = identityOf(selected);
  const { ranges } = drawn;
  return {
    title: `Memory of ${name}`,
    facts: [
      ...facts,
      ['Address space', drawn.space.name.replace(/^.*address space /, '')],
      [
        'Host',
        // The kernel's name of a host to which no name was given is "(none)".
        [host.uts[1] ?? '', `Linux ${host.release}`]
          .filter((text) => text !== '' && text !== '(none)')
          .map((text) => printable(text))
          .join(', '),
      ],
      ...(ranges === null ? [] : [['Ranges', ranges.map(rangeText).join(', ')] as const]),
      ['Dump', context.inputs.map((path) => oneLine(path)).join(' ')],
      ['Made by', `kvm-vtop ${assetsOf('picture').version}`],
    ],
    runs: counted(drawn.rows, counts),
    rest: () => restOf(context, drawn, counts, question),
  };
}

/** The name of the guest if the dump has it, and what else identifies it. */
function identityOf({ pid, fd, vm }: Selected): { name: string; facts: (readonly [string, string])[] } {
  const { kvm, address } = vm;
  const known = orNull(() => heldAlone(kvm, new Tasks(kvm.host), { address, fd }, pid));
  const guest = known === null ? null : argumentsOfVm(kvm, known).guest;
  const comm = known?.holders[0]?.comm;
  return {
    name: guest?.name == null ? `the VM of pid ${pid}` : printable(guest.name),
    facts: [
      ['Process', comm === undefined ? `${pid}` : `${pid} (${printable(comm)})`],
      ...(guest?.uuid == null ? [] : [['UUID', printable(guest.uuid)] as const]),
      ['struct kvm', `0x${address.toString(16)}`],
    ],
  };
}

/** The runs of some rows, which are added to the counts of their slots. */
function* counted(rows: Iterable<RunRow<SlotRun>>, counts: Map<number, Asked>): Generator<SlotRun> {
  for (const { run } of rows) {
    const { slot, first } = run;
    const known = counts.get(slot.first) ?? { first, sums: new Totals() };
    known.sums.add(run);
    counts.set(slot.first, known);
    yield run;
  }
}

function restOf({ selected }: PageContext, drawn: Drawn, counts: Map<number, Asked>, question: string): PageRest {
  const { vm, pid } = selected;
  const total = drawn.total();
  const { slots, missing } = drawn.space.slots;
  const rows = slots.map((slot) => rowOf(vm, slot, { pid, addressSpace: drawn.addressSpace }));
  const isPart = drawn.ranges !== null;
  const problems = [...total.problems, ...slotProblems(rows)];
  const tables = [
    totalsTable(total, isPart),
    slotsTable(rows, { counts, isPart, isMissing: missing !== null }),
    spacesTable(vm, drawn.addressSpace, problems),
  ];
  return {
    problems: problems.map((text) => printable(text, 400)),
    tables,
    slots: slots.map(({ id, first, pages, page }, i) => ({
      id,
      first,
      pages,
      page,
      backing: backingText(rows[i] as SlotRow),
    })),
    question,
    words: WORDS,
  };
}

/** What is not known of slots; each reason once. */
function slotProblems(rows: readonly SlotRow[]): string[] {
  const slots = new Map<string, number[]>();
  for (const { id, problems } of rows)
    for (const problem of problems) slots.set(problem, [...(slots.get(problem) ?? []), id]);
  return [...slots].map(([problem, ids]) => `${ids.length === 1 ? 'slot' : 'slots'} ${ids.join(', ')}: ${problem}`);
}

const rangeText = ({ first, end }: PageRange): string =>
  `0x${digitsOfPage(first, 0)} to 0x${digitsOfPage(end - 1, 0xfff)}`;
