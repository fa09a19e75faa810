// SPDX-License-Identifier: Apache-2.0
// The tables on the page of map --html.
import type { HtmlTable } from '../html/table.js';
import { spaceSize } from '../kvm/sizes.js';
import type { Vm } from '../kvm/vm.js';
import { size } from '../report/table.js';
import type { Totals } from '../spaces/totals.js';
import type { TotalRow } from './map-rows.js';
import { statesOf } from './map-text.js';
import { backingText, type SlotRow, sizesOf, sizeText } from './slots.js';

/** The pages of a slot that were asked for: the first of them, and their sums. */
export interface Asked {
  readonly first: number;
  readonly sums: Totals;
}

/** The sums. `isPart`: only ranges were asked for. */
export function totalsTable(total: TotalRow, isPart: boolean): HtmlTable {
  const { bytes, pageSizes, nodes, protNone, complete } = total;
  const lines: (readonly [string, number])[] = [
    [isPart ? 'what was asked for' : 'all memslots shown', bytes],
    ...statesOf(total),
    ...pageSizes.map(([pageSize, sum]) => [`in pages of ${size(Number(pageSize))}`, sum] as const),
    ...nodes.map(([node, sum]) => [`on node ${node}`, sum] as const),
    ...(protNone === 0 ? [] : [['PROT_NONE', protNone] as const]),
  ];
  return {
    caption: complete ? 'Totals' : 'Totals (incomplete)',
    columns: [{ heading: 'Memory' }, { heading: 'Size', kind: 'number' }, { heading: 'Bytes', kind: 'number' }],
    rows: lines.map(([name, sum]) => ({ cells: [name, size(sum), `${sum}`] })),
  };
}

/** What of the slots was drawn. */
export interface SlotsShown {
  /** By the first guest frame of the slot. */
  readonly counts: ReadonlyMap<number, Asked>;
  /** Only ranges were asked for, and what is resident and swapped is only known of them. */
  readonly isPart: boolean;
  /** There may be other slots. */
  readonly isMissing: boolean;
}

export function slotsTable(rows: readonly SlotRow[], { counts, isPart, isMissing }: SlotsShown): HtmlTable {
  const of = isPart ? ' of what was asked for' : '';
  return {
    caption: isMissing ? 'Memslots (others may be missing)' : 'Memslots',
    columns: [
      { heading: 'Guest physical', kind: 'address' },
      { heading: 'Host virtual', kind: 'address' },
      { heading: 'Slot', kind: 'number' },
      { heading: 'Size', kind: 'number' },
      ...(isPart ? [{ heading: 'Asked for', kind: 'number' } as const] : []),
      { heading: `Resident${of}`, kind: 'number' },
      { heading: `Swapped${of}`, kind: 'number' },
      { heading: 'Backing' },
      { heading: 'Flags' },
    ],
    rows: rows.map((row) => {
      const asked = counts.get(Number(row.gpa / 4096n));
      const sizes = [...(isPart ? [size((asked?.sums.pages ?? 0) * 4096)] : []), ...sizesText(asked)];
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
      return asked === undefined ? { cells } : { cells, shows: asked.first };
    }),
  };
}

function sizesText(asked: Asked | undefined): string[] {
  if (asked === undefined) return ['', ''];
  const { resident, swapped } = sizesOf(asked.sums);
  return [sizeText(resident), sizeText(swapped)];
}

/** The address spaces of a VM. `problems` gets why the slots of one are not known, except of that which is drawn. */
export function spacesTable(vm: Vm, drawn: number, problems: string[]): HtmlTable {
  const spaces = Array.from({ length: vm.spaces }, (_, number) => {
    const { slots, bytes } = spaceSize(vm, number, number === drawn ? [] : problems);
    const name = number === 0 ? '0' : number === 1 ? '1 (SMM)' : `${number}`;
    return { cells: [name, `${slots ?? '?'}`, sizeText(bytes)] };
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
