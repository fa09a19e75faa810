// SPDX-License-Identifier: Apache-2.0
// The page of map --html.
import { orNull } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { printable } from '../core/text.js';
import { assets } from '../html/assets.js';
import { htmlPage, type PageRest, type PageSource } from '../html/page.js';
import type { HtmlTable } from '../html/table.js';
import { Tasks } from '../kernel/tasks.js';
import { heldAlone } from '../kvm/all-vms.js';
import { argumentsOfVm } from '../kvm/names.js';
import type { Selected } from '../kvm/select.js';
import { digitsOfPage } from '../report/hex.js';
import { size } from '../report/table.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import type { PageRange } from '../spaces/ranges.js';
import type { SlotRun } from '../spaces/slot-runs.js';
import { writePieces } from '../write/pieces.js';
import type { Target } from '../write/target.js';
import type { Context, VmGiven } from './command.js';
import type { RunRow, TotalRow } from './map-rows.js';
import { statesOf, WORDS } from './map-text.js';
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
  const counts = new Map<number, Counts>();
  const pieces = htmlPage(sourceOf(context, drawn, counts), assets());
  const bytes = await log.stepAsync('page', () => writePieces(target, pieces));
  const { runs } = drawn.total();
  log.note(`${oneLine(target.path)}: ${runs} ${runs === 1 ? 'run' : 'runs'}, ${bytes} bytes`);
}

/** Pages of a slot. */
interface Counts {
  resident: number;
  swapped: number;
}

function sourceOf(context: PageContext, drawn: Drawn, counts: Map<number, Counts>): PageSource {
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
      ['Made by', `kvm-vtop ${assets().version}`],
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

/** The runs of some rows; resident and swapped pages are added to the counts of their slots. */
function* counted(rows: Iterable<RunRow<SlotRun>>, counts: Map<number, Counts>): Generator<SlotRun> {
  for (const { run } of rows) {
    const { slot, state, reason, pages } = run;
    const sum = counts.get(slot.first) ?? { resident: 0, swapped: 0 };
    if (state === 'mapped') sum.resident += pages;
    else if (state === 'swapped' || reason === 'shmem-swapped') sum.swapped += pages;
    counts.set(slot.first, sum);
    yield run;
  }
}

function restOf({ selected }: PageContext, drawn: Drawn, counts: Map<number, Counts>, question: string): PageRest {
  const { vm, pid } = selected;
  const total = drawn.total();
  const rows = drawn.space.slots.slots.map((slot) => ({
    slot,
    row: rowOf(vm, slot, { pid, addressSpace: drawn.addressSpace }),
  }));
  return {
    problems: [...total.problems, ...slotProblems(rows.map(({ row }) => row))].map((text) => printable(text, 400)),
    tables: [
      totalsTable(total),
      slotsTable(
        rows.map(({ row }) => row),
        counts,
      ),
      spacesTable(selected),
    ],
    slots: rows.map(({ slot, row }) => ({
      id: slot.id,
      first: slot.first,
      pages: slot.pages,
      page: slot.page,
      backing: backingText(row),
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

function totalsTable(total: TotalRow): HtmlTable {
  const { bytes, pageSizes, nodes, protNone } = total;
  const lines: (readonly [string, number])[] = [
    ['all memslots shown', bytes],
    ...statesOf(total),
    ...pageSizes.map(([pageSize, sum]) => [`in pages of ${size(Number(pageSize))}`, sum] as const),
    ...nodes.map(([node, sum]) => [`on node ${node}`, sum] as const),
    ...(protNone === 0 ? [] : [['PROT_NONE', protNone] as const]),
  ];
  return {
    caption: 'Totals',
    columns: [{ heading: 'Memory' }, { heading: 'Size', kind: 'number' }, { heading: 'Bytes', kind: 'number' }],
    rows: lines.map(([name, sum]) => ({ cells: [name, size(sum), `${sum}`] })),
  };
}

function slotsTable(rows: readonly SlotRow[], counts: ReadonlyMap<number, Counts>): HtmlTable {
  return {
    caption: 'Memslots',
    columns: [
      { heading: 'Guest physical', kind: 'address' },
      { heading: 'Host virtual', kind: 'address' },
      { heading: 'Slot', kind: 'number' },
      { heading: 'Size', kind: 'number' },
      { heading: 'Resident', kind: 'number' },
      { heading: 'Swapped', kind: 'number' },
      { heading: 'Backing' },
      { heading: 'Flags' },
    ],
    rows: rows.map((row) => {
      const first = Number(row.gpa / 4096n);
      const sum = counts.get(first);
      const sizes = sum === undefined ? ['not asked for', ''] : [sum.resident, sum.swapped].map((n) => size(n * 4096));
      const flags = [...row.flagNames, ...(row.internal ? ['internal'] : [])].join(', ');
      const range = `0x${row.gpa.toString(16)} to 0x${(row.gpa + BigInt(row.size) - 1n).toString(16)}`;
      const cells = [
        range,
        `0x${row.hva.toString(16)}`,
        `${row.id}`,
        size(row.size),
        ...sizes,
        backingText(row),
        flags,
      ];
      return sum === undefined ? { cells } : { cells, shows: first };
    }),
  };
}

function spacesTable({ vm }: Selected): HtmlTable {
  const spaces = Array.from({ length: vm.spaces }, (_, number) => {
    const slots = orNull(() => vm.slots(number).slots);
    const bytes = slots === null ? null : slots.reduce((sum, { pages }) => sum + pages, 0) * 4096;
    const name = number === 0 ? '0' : number === 1 ? '1 (SMM)' : `${number}`;
    return { cells: [name, `${slots?.length ?? 'not known'}`, bytes === null ? 'not known' : size(bytes)] };
  });
  return {
    caption: 'Address spaces of the VM',
    columns: [
      { heading: 'Address space' },
      { heading: 'Memslots', kind: 'number' },
      { heading: 'Size', kind: 'number' },
    ],
    rows: spaces,
  };
}

const rangeText = ({ first, end }: PageRange): string =>
  `0x${digitsOfPage(first, 0)} to 0x${digitsOfPage(end - 1, 0xfff)}`;
