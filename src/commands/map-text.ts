// SPDX-License-Identifier: Apache-2.0
// The text of map: the totals, then a table of the runs.
import type { Reason, State } from '../core/outcome.js';
import { printable } from '../core/text.js';
import { digitsOfPage } from '../report/hex.js';
import type { RowWriter } from '../report/records.js';
import { size, type TableColumn, table } from '../report/table.js';
import type { SwapPlace } from '../spaces/space.js';
import { RunRow, type TotalRow } from './map-rows.js';

/** Words for states and reasons in the totals; others have their own name. */
export const WORDS: Partial<Record<string, string>> = {
  mapped: 'resident',
  'not-present': 'not mapped',
  'in-page-cache': 'not mapped, in the page cache',
  'shmem-swapped': 'not mapped, shared memory in swap',
  'page-cache-unreadable': 'not mapped, not known',
  'address-space-gone': 'not mapped, the process exited',
} satisfies Partial<Record<State | Reason, string>>;
/** Reasons why a page is not present that have words of their own. */
const APART: readonly Reason[] = ['in-page-cache', 'shmem-swapped', 'page-cache-unreadable', 'address-space-gone'];

/** Writes the totals, which come first, and the table of the runs. */
export function mapText(rows = slotTable()): RowWriter<RunRow | TotalRow> {
  let isFirst = true;
  return {
    row(row) {
      if (!(row instanceof RunRow)) return totalText(row);
      const text = rows.row(row) as string;
      const space = isFirst ? '\n' : '';
      isFirst = false;
      return `${space}${text}`;
    },
    end: () => rows.end?.() ?? '',
  };
}

/** The totals: a line for the VM, then one for each state, page size and node, and the problems. */
export const totalText = (row: TotalRow): string =>
  sumsText(row) + row.problems.map((problem) => `  not known: ${printable(problem, 400)}\n`).join('');

/** The totals without the problems. */
export function sumsText(total: TotalRow): string {
  const { pid, addressSpace, bytes, runs } = total;
  const space = addressSpace === null || addressSpace === 0 ? '' : `, address space ${addressSpace}`;
  const lines: (readonly [string, number])[] = [
    ...statesOf(total),
    ...total.pageSizes.map(([pageSize, sum]) => [`in pages of ${size(Number(pageSize))}`, sum] as const),
    ...total.nodes.map(([node, sum]) => [`on node ${node}`, sum] as const),
    ...(total.protNone === 0 ? [] : [['PROT_NONE', total.protNone] as const]),
    ...(total.gaps === null || total.gaps === 0 ? [] : [['in no mapping', total.gaps] as const]),
  ];
  const width = Math.max(...lines.map(([name]) => name.length), 0);
  const sizes = lines.map(([, sum]) => size(sum));
  const columns = Math.max(...sizes.map((text) => text.length), 0);
  return [
    `pid ${pid}${space}: ${size(bytes)} in ${runs} ${runs === 1 ? 'run' : 'runs'}`,
    ...lines.map(([name], i) => `  ${name.padEnd(width)}  ${(sizes[i] as string).padStart(columns)}`),
    '',
  ].join('\n');
}

/** The states in words, and their bytes; pages that are not present by reason. */
export function statesOf({ states, reasons }: Pick<TotalRow, 'states' | 'reasons'>): (readonly [string, number])[] {
  const apart = reasons.filter(([reason]) => (APART as readonly string[]).includes(reason));
  const known = apart.reduce((sum, [, bytes]) => sum + bytes, 0);
  return states.flatMap(([state, bytes]) => {
    const sums = state === 'not-present' ? [[state, bytes - known] as const, ...apart] : [[state, bytes] as const];
    return sums.filter(([, sum]) => sum > 0).map(([name, sum]) => [WORDS[name] ?? name, sum] as const);
  });
}

/** Columns of what was found of a run. */
export const found: readonly TableColumn<RunRow>[] = [
  { heading: 'HOST PHYSICAL', align: 'right', text: placeOf },
  { heading: 'PAGE', align: 'right', text: ({ run }) => (run.pageSize === null ? '' : size(run.pageSize)) },
  { heading: 'NODE', align: 'right', text: ({ run }) => `${run.node ?? ''}` },
];

const slotTable = (): RowWriter<RunRow> =>
  table<RunRow>([
    { heading: 'GUEST PHYSICAL', align: 'right', text: ({ run }) => rangeOf(run.first as number, run.pages) },
    { heading: 'SIZE', align: 'right', text: ({ run }) => size(run.pages * 4096) },
    { heading: 'HOST VIRTUAL', align: 'right', text: ({ run }) => digitsOfPage(run.page, 0) },
    ...found,
    { heading: 'STATE', text: stateOf },
  ]);

/** The addresses of some pages. */
export const rangeOf = (first: number, pages: number): string =>
  `${digitsOfPage(first, 0)}-${digitsOfPage(first + pages - 1, 0xfff)}`;

/** The host physical address of a mapped run; that of the frame of the others, in parentheses, if there is one. */
function placeOf({ run: { state, frame } }: RunRow): string {
  if (frame === null) return '';
  return state === 'mapped' ? digitsOfPage(frame, 0) : `(${digitsOfPage(frame, 0)})`;
}

/** The state of a run, and what else is known. */
export function stateOf({ run }: RunRow): string {
  const { state, reason, protNone, swap } = run;
  if (state === 'swapped' && swap !== null) return `${state} ${areaOf(swap)} ${swap.offset}`;
  if (reason === 'shmem-swapped' && swap !== null) return `${state} ${reason} ${areaOf(swap)} ${swap.offset}`;
  if (state === 'mapped') return protNone ? 'mapped PROT_NONE' : state;
  return `${state} ${reason ?? ''}`.trimEnd();
}

const areaOf = ({ device, type }: SwapPlace): string => (device === null ? `type ${type}` : printable(device));
