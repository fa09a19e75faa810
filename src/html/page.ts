// SPDX-License-Identifier: Apache-2.0
// The page of `map --html`: one file that loads nothing. It is written while the runs are read.
import type { Assets } from './assets.js';
import { type Block, Encoder, type Limits } from './blocks.js';
import type { PictureRun } from './classes.js';
import { html, jsonInScript } from './escape.js';
import { BLOCK, PICTURE_ID, type Picture } from './format.js';
import { type Heading, headOf } from './shell.js';
import { CONTROLS, KEYS } from './skeleton.js';
import { type HtmlTable, tableText } from './table.js';

/** What a page shows. */
export interface PageSource extends Heading {
  /** Ascending. An object may be used for all runs. */
  readonly runs: Iterable<PictureRun>;
  /** Called after the last run. */
  readonly rest: () => PageRest;
}

/** What is known when all runs have been read. */
export interface PageRest extends Pick<Picture, 'slots' | 'question' | 'words'> {
  /** What the dump does not show, or other limits of what the page says. */
  readonly problems: readonly string[];
  readonly tables: readonly HtmlTable[];
}

/** Measured: docs/picture.md. */
const LIMITS: Limits = { states: 2 ** 26, places: 2 ** 28 };

/** Gives the text of the page in pieces. `limits`: what has no room is left out, and the page says so. */
export function* htmlPage(source: PageSource, made: Assets, limits = LIMITS): Generator<PagePiece> {
  const encoder = new Encoder(limits);
  yield { text: headOf(source, made) };
  for (const block of encoder.blocks(source.runs)) {
    yield { text: statesText(block) };
    yield { text: placesText(block), isLate: true };
  }
  const rest = source.rest();
  yield { text: bodyOf(rest, encoder) };
  yield {
    text: `<script type="application/json" id="${PICTURE_ID}">${jsonInScript(pictureOf(rest, encoder))}</script>
<script>${made.script}</script>
`,
  };
}

/**
 * A part of the page. The places are late: the picture does not need them, so it is there before the browser has read them.
 * The end tags of body and html, which would be last, are optional in HTML.
 */
export interface PagePiece {
  readonly text: string;
  readonly isLate?: boolean;
}

const statesText = ({ first, pages, states }: Block): string =>
  blockText(`${BLOCK.states}" ${BLOCK.first}="${first}" ${BLOCK.pages}="${pages}`, states);

const placesText = ({ places }: Block): string => blockText(BLOCK.places, places);

const blockText = (attributes: string, bytes: Uint8Array): string =>
  `<script type="application/octet-stream" class="${attributes}">${base64(bytes)}</script>\n`;

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

const pictureOf = ({ slots, question, words }: PageRest, encoder: Encoder): Picture => ({
  classes: encoder.classes,
  slots,
  extents: encoder.extents,
  question,
  words,
  placesEnd: encoder.placesEnd,
});

function bodyOf({ problems, tables }: PageRest, encoder: Encoder): string {
  const all = [...problems, ...leftOut(encoder)];
  const list = all.map((problem) => `<li>${html(problem)}</li>`).join('\n');
  const limits =
    all.length === 0
      ? ''
      : `<section class="limits" aria-labelledby="limits-title"><h2 id="limits-title">Not known</h2><ul>\n${list}\n</ul></section>\n`;
  return `${limits}<main>
${CONTROLS}
<section class="tables" aria-label="Tables">
${tables.map(tableText).join('')}</section>
${KEYS}
</main>
`;
}

/** What the page lacks because it would be too large. */
function leftOut({ placesEnd, statesEnd }: Encoder): string[] {
  const from = (frame: number): string => `0x${(BigInt(frame) * 4096n).toString(16)}`;
  return [
    ...(statesEnd === null
      ? []
      : [`From guest physical address ${from(statesEnd)} on, each 2 MiB have the colour of most of their pages.`]),
    ...(placesEnd === null
      ? []
      : [`From ${from(placesEnd)} on, host physical addresses are not in this page, because there are too many runs.`]),
  ];
}
