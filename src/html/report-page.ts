// SPDX-License-Identifier: Apache-2.0
// The page of `scan --html`: one file that loads nothing, with all dumps of a scan. It is written while the results are read.
import { oneLine } from '../core/one-line.js';
import type { Assets } from './assets.js';
import { html, jsonInScript } from './escape.js';
import type { PagePiece } from './page.js';
import { REPORT_ID, type ReportDump, STATUSES } from './report-format.js';
import { Summary } from './report-summary.js';
import { type Heading, headOf } from './shell.js';

/** What a page shows. */
export interface ReportSource {
  /** What was scanned; called after the last dump, with the number of dumps. */
  readonly heading: (dumps: number) => Heading;
  /** In the order of the scan. */
  readonly dumps: Iterable<ReportDump>;
  /** What the page leaves out; called after the last dump. */
  readonly notes: () => readonly string[];
}

/** Gives the text of the page in pieces. The data comes last, so that a browser shows the summary before it has read them. */
export function* reportPage({ heading, dumps, notes }: ReportSource, made: Assets): Generator<PagePiece> {
  const summary = new Summary();
  yield late(`<script type="application/json" id="${REPORT_ID}">[`);
  for (const dump of dumps) {
    const shown = cleaned(dump);
    yield late(`${summary.dumps === 0 ? '' : ',\n'}${jsonInScript(shown)}`);
    summary.add(shown);
  }
  yield late(`]</script>\n<script>${made.script}</script>\n`);
  yield {
    text: `${headOf(heading(summary.dumps), made)}<main>\n${summary.text()}${controls(summary)}${notesOf(notes())}</main>\n`,
  };
}

const late = (text: string): PagePiece => ({ text, isLate: true });

/** Characters of a text that are shown. */
const LONGEST = 4000;

/** A value whose texts can be shown: without characters that would change what others look like, and not endless. */
function cleaned<T>(value: T): T;
function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return oneLine(value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value);
  if (Array.isArray(value)) return value.map((each: unknown) => cleaned(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, cleaned(member)]));
}

const notesOf = (notes: readonly string[]): string =>
  notes.map((note) => `<p class="hint">${html(note)}</p>\n`).join('');

/** The fixed elements. The script fills those with an id. */
const controls = ({
  statuses,
}: Summary): string => `<noscript><p class="notice">The tables need JavaScript. The summary does not.</p></noscript>
<p id="reading" class="hint">Reading the dumps…</p>
<section id="tables" aria-label="Dumps and VMs" hidden>
<div class="bar">
<fieldset id="views"><legend>Show</legend></fieldset>
<fieldset id="statuses"><legend>Status</legend>
${STATUSES.map((status) => `<label><input type="checkbox" value="${status}" checked> ${status} <span class="count">${statuses[status].toLocaleString('en-US')}</span></label>`).join('\n')}
</fieldset>
<div id="search" role="search"><label for="query">Search</label>
<input id="query" type="search" autocomplete="off" spellcheck="false" placeholder="anything shown here" aria-describedby="keys">
</div>
<p id="shown" role="status"></p>
</div>
<div class="stage">
<div id="grid" class="grid"></div>
<aside aria-labelledby="details-title"><h2 id="details-title" tabindex="-1">Details</h2><div id="details"></div></aside>
</div>
</section>
<section class="keys" id="keys" aria-label="Keys">
<h2>Reading the tables</h2>
<p>A search finds the rows that have all of its words, in any column or in the details; a dump is found by its VMs, too. A heading
sorts, and sorts the other way if it is chosen again. Keys in a table: the arrow keys, <kbd>Page Up</kbd>, <kbd>Page Down</kbd>,
<kbd>Home</kbd> and <kbd>End</kbd> choose a row, <kbd>Enter</kbd> goes to its details. Everywhere: <kbd>/</kbd> goes to the search
field, <kbd>Esc</kbd> empties it, and leaves the details.</p>
</section>
`;
