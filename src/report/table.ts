// SPDX-License-Identifier: Apache-2.0
import type { RowWriter } from './records.js';

/** A column of a table in the text output. */
export interface TableColumn<in Row> {
  readonly heading: string;
  /** Numbers are aligned right. */
  readonly align?: 'left' | 'right';
  readonly text: (row: Row) => string;
}

/** The widths of the columns are computed from the first rows, up to this number; later rows use the same widths. */
const HELD = 1000;

/** Writes rows as aligned columns under headings, separated by two blanks, without blanks at the ends of lines. */
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
    // A table without rows is empty: it has no headings.
    end: () => (held?.length === 1 ? '' : release()),
  };
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A number of bytes in the largest unit in which it is at least 1, with at most one decimal place. */
export function size(bytes: number): string {
  const unit = Math.min(UNITS.length - 1, bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** unit;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
