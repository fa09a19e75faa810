// SPDX-License-Identifier: Apache-2.0
// The page of `map --html`: one file that loads nothing. It is written while the runs are read.
import { createHash } from 'node:crypto';
import type { Assets } from './assets.js';
import { type Block, Encoder, type Limits } from './blocks.js';
import type { PictureRun } from './classes.js';
import { html, jsonInScript } from './escape.js';
import { BLOCK, PICTURE_ID, type Picture } from './format.js';
import { CONTROLS, KEYS } from './skeleton.js';
import { type HtmlTable, tableText } from './table.js';

/** What a page shows. */
export interface PageSource {
  readonly title: string;
  /** What identifies the VM and the dump: names and values. */
  readonly facts: readonly (readonly [string, string])[];
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

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The page may run its own script and use its own style sheet. It may load nothing, whatever is in it. */
const policy = ({ script, style }: Assets): string =>
  [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');

/** An icon, so that a browser does not ask a server for one. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 4 4'%3E%3Cpath fill='%230072b2' d='M0 0h4v3H0z'/%3E%3Cpath fill='%23e69f00' d='M2 1h1v2H2z'/%3E%3C/svg%3E";

const headOf = ({ title, facts }: PageSource, made: Assets): string => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(made)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${html(title)}</title>
<link rel="icon" href="${ICON}">
<style>${made.style}</style>
<!--
${made.licences.replaceAll('--', '- -')}
-->
</head>
<body>
<header>
<h1>${html(title)}</h1>
<dl class="facts">${facts.map(([name, value]) => `<div><dt>${html(name)}</dt><dd>${html(value)}</dd></div>`).join('')}</dl>
</header>
`;

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
