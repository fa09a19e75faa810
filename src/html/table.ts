// SPDX-License-Identifier: Apache-2.0
import { html } from './escape.js';

/** A column of a table: `number` is aligned right, `address` is set in a font of fixed width. */
export interface HtmlColumn {
  readonly heading: string;
  readonly kind?: 'number' | 'address';
}

export interface HtmlRow {
  readonly cells: readonly string[];
  /** A guest frame that the script shows in the picture when the first cell is chosen. */
  readonly shows?: number;
}

/** A table. Its cells are text. */
export interface HtmlTable {
  readonly caption: string;
  readonly columns: readonly HtmlColumn[];
  readonly rows: readonly HtmlRow[];
}

/** A table as HTML. */
export function tableText({ caption, columns, rows }: HtmlTable): string {
  const headings = columns.map(({ heading, kind }) => `<th scope="col"${classOf(kind)}>${html(heading)}</th>`).join('');
  const body = rows.map((row) => `<tr>${cellsOf(columns, row)}</tr>`).join('\n');
  return `<div class="table"><table>
<caption>${html(caption)}</caption>
<thead><tr>${headings}</tr></thead>
<tbody>
${body}
</tbody>
</table></div>
`;
}

const cellsOf = (columns: readonly HtmlColumn[], { cells, shows }: HtmlRow): string =>
  cells
    .map((cell, i) => {
      const mark = i === 0 && shows !== undefined ? ` data-shows="${shows}"` : '';
      const content = `${classOf(columns[i]?.kind)}${mark}>${html(cell)}`;
      return i === 0 ? `<th scope="row"${content}</th>` : `<td${content}</td>`;
    })
    .join('');

const classOf = (kind: HtmlColumn['kind']): string => (kind === undefined ? '' : ` class="${kind}"`);
