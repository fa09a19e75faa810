// SPDX-License-Identifier: Apache-2.0
import type { RowWriter } from './records.js';

/** A column of a table for people. */
export interface TableColumn<in Row> {
  readonly heading: string;
  /** Numbers are set to the right. */
  readonly align?: 'left' | 'right';
  readonly text: (row: Row) => string;
}

/** Rows that are held back until the columns' widths are known; later ones keep to these widths. */
const HELD = 1000;

/** Aligned columns under headings, two blanks between them, none at the ends of lines. */
export function table<Row>(columns: readonly TableColumn<Row>[]): RowWriter<Row> {
  let held: string[][] | null = [columns.map(({ heading }) => heading)];
  let widths: readonly number[] = [];
  const line = (cells: readonly string[]): string =>
    `${cells
      .map((cell, i) => (columns[i]?.align === 'right' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()}\n`;
  const release = (): string => {
    if (held === null) return '';
    const rows = held;
    held = null;
    widths = columns.map((_, i) => Math.max(...rows.map((cells) => (cells[i] as string).length)));
    return rows.map(line).join('');
  };
  return {
    row(row) {
      const cells = columns.map(({ text }) => text(row));
      if (held === null) return line(cells);
      held.push(cells);
      return held.length > HELD ? release() : '';
    },
    // A table without rows has no headings either.
    end: () => (held?.length === 1 ? '' : release()),
  };
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A number of bytes in the largest unit that leaves at least 1, to a tenth. */
export function size(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** unit;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
