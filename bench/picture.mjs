// SPDX-License-Identifier: Apache-2.0
// node bench/picture.mjs [GIB | PAGE.html]: the page of `map --html`, for guests of GIB that do not exist or as a file that the
// program wrote: how large it is, how long it takes to write, to open in Chromium and to search, and the time from frame to
// frame while it is zoomed and moved. Each guest is a process of its own, so that its memory can be measured. Needs a build
// and /usr/bin/chromium.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { assetsOf, htmlPage, writePieces } from '#internal';
import { parseJson } from '../scripts/json.mjs';
import { present } from '../scripts/present.mjs';

/** @import { PictureRun } from '#internal' */
/** @import { Browser, Page } from 'playwright-core' */

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** Pages of a GiB. */
const GIB = 2 ** 18;
/** How often a page is opened; an odd number. */
const OPENED = 5;
/** First virtual page number of the guest's memory. */
const HVA = 0x7f0000000;

/** A small generator of numbers from 0 to 1 (Marsaglia, xorshift32), so that all runs are the same each time. */
function numbers() {
  let word = 0x2545f491;
  return () => {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    return (word >>> 0) / 2 ** 32;
  };
}

/** What the pages of a stretch are: most are resident, some were swapped out or never touched. */
const AREAS = /** @type {const} */ ([
  'mapped',
  'mapped',
  'mapped',
  'mapped',
  'mapped',
  'mapped',
  'swapped',
  'not-present',
]);

/**
 * Runs of a guest of `pages` pages: stretches of 64 MiB of one kind, in which one page in ten is of another kind. `length` is
 * the average of the pages of a run, whose frames are anywhere in the machine.
 *
 * @param {number} pages
 * @param {number} length
 * @param {boolean} mixes whether states change from run to run
 * @param {boolean} local whether the pages of 1 GiB are all on one node; else each run is on any of two
 * @returns {Generator<PictureRun>}
 */
function* runs(pages, length, mixes, local) {
  const next = numbers();
  const run = {
    ...{ first: 0, pages: 0, reason: /** @type {string | null} */ (null), protNone: false },
    state: /** @type {PictureRun['state']} */ ('mapped'),
    pageSize: /** @type {number | null} */ (4096),
    frame: /** @type {number | null} */ (0),
    node: /** @type {number | null} */ (0),
    swap: /** @type {PictureRun['swap']} */ (null),
  };
  for (let first = 0; first < pages; first += run.pages) {
    const area = Math.floor(first / 2 ** 14);
    const state = mixes && next() < 0.1 ? AREAS[Math.floor(next() * 8)] : AREAS[(area * 7) % 8];
    run.first = first;
    run.state = state ?? 'mapped';
    run.pages = Math.min(pages - first, length === 1 ? 1 : 1 + Math.floor(next() * (2 * length - 1)));
    const isMapped = state === 'mapped';
    const node = local ? Math.floor(first / GIB) % 2 : Math.floor(next() * 2);
    const frame = Math.floor((node + next()) * pages);
    run.frame = isMapped ? frame : null;
    run.pageSize = isMapped ? 4096 : null;
    run.node = isMapped ? node : null;
    run.reason = isMapped ? null : state === 'swapped' ? 'swap-entry' : 'empty-entry';
    run.swap = state === 'swapped' ? { type: 0, offset: frame, device: '/dev/sdb' } : null;
    yield run;
  }
}

/** @type {Record<string, { length: number, mixes: boolean, local: boolean }>} */
const CASES = {
  'runs of 16 pages': { length: 16, mixes: true, local: false },
  'runs of 1 page, nodes and states in stretches': { length: 1, mixes: false, local: true },
  'runs of 1 page, states in stretches': { length: 1, mixes: false, local: false },
  'runs of 1 page, states mixed': { length: 1, mixes: true, local: false },
};

/**
 * Writes the page of a case; prints the number of runs, the time in seconds, and the most memory in bytes.
 *
 * @param {string} name
 * @param {number} pages
 * @param {string} path
 */
async function write(name, pages, path) {
  const { length, mixes, local } = present(CASES[name], `case ${name}`);
  const begin = performance.now();
  let count = 0;
  const counted = function* () {
    for (const run of runs(pages, length, mixes, local)) {
      count++;
      yield run;
    }
  };
  const page = htmlPage(
    {
      title: name,
      facts: [],
      runs: counted(),
      rest: () => ({
        slots: [{ id: 0, first: 0, pages, page: HVA, backing: 'anonymous' }],
        question: 'kvm-vtop -c vmcore -g 1 -p',
        words: {},
        problems: [],
        tables: [],
      }),
    },
    assetsOf('picture'),
  );
  await writePieces({ path, replace: false }, page);
  const seconds = (performance.now() - begin) / 1000;
  console.log(JSON.stringify({ count, seconds, memory: process.resourceUsage().maxRSS * 1024 }));
}

/** Milliseconds from the start of the navigation until the picture is drawn. */
async function open(/** @type {Page} */ page, /** @type {string} */ path) {
  const begin = performance.now();
  await page.goto(`file://${path}`, { waitUntil: 'commit', timeout: 300_000 });
  await page.waitForSelector('html[data-ready]', { timeout: 300_000 });
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  return performance.now() - begin;
}

/** Milliseconds between frames while `work` is done, ascending. */
async function frames(/** @type {Page} */ page, /** @type {() => Promise<void>} */ work) {
  await page.evaluate(`
    window.times = [];
    if (window.tick === undefined) {
      window.tick = (now) => {
        times.push(now);
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    }`);
  await work();
  const times = /** @type {number[]} */ (await page.evaluate('times'));
  return times
    .slice(1)
    .map((time, i) => time - present(times[i], 'time'))
    .sort((a, b) => a - b);
}

/** The wheel zooms from the whole guest to single pages and back. */
async function zoom(/** @type {Page} */ page) {
  await page.mouse.move(600, 500);
  for (const delta of [-100, 100])
    for (let i = 0; i < 60; i++) {
      await page.mouse.wheel(0, delta);
      await page.waitForTimeout(16);
    }
}

/** Drags the picture to and fro, at some scales. */
async function pan(/** @type {Page} */ page) {
  for (let i = 0; i < 6; i++) {
    await page.click('#in');
    for (const [from, to] of /** @type {const} */ ([
      [800, 300],
      [300, 800],
    ])) {
      await page.mouse.move(from, 500);
      await page.mouse.down();
      for (let step = 1; step <= 30; step++) {
        await page.mouse.move(from + ((to - from) * step) / 30, 500 + 3 * step);
        await page.waitForTimeout(16);
      }
      await page.mouse.up();
    }
  }
}

/** Milliseconds until a host physical address that no page has is not found. */
async function search(/** @type {Page} */ page) {
  await page.selectOption('#kind', 'hpa');
  await page.fill('#query', 'ffffffff000');
  const begin = performance.now();
  await page.press('#query', 'Enter');
  await page.waitForSelector('#found:has-text("No HPA")', { timeout: 300_000 });
  return performance.now() - begin;
}

/** Measures a page, with one line of output. */
async function measure(/** @type {Browser} */ browser, /** @type {string} */ path, /** @type {string} */ about) {
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i < OPENED; i++) {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    times.push(await open(page, path));
    if (i < OPENED - 1) await page.close();
    else {
      await page.waitForLoadState('domcontentloaded', { timeout: 300_000 });
      const zooming = framesText(await frames(page, () => zoom(page)));
      const panning = framesText(await frames(page, () => pan(page)));
      const searching = ((await search(page)) / 1000).toFixed(2);
      times.sort((a, b) => a - b);
      const [least, median, most] = [0, (OPENED - 1) / 2, OPENED - 1].map((at) =>
        (present(times[at], 'time') / 1000).toFixed(2),
      );
      console.log(
        `${about}${(statSync(path).size / 2 ** 20).toFixed(1)} MiB; opens in ${median} s (${least} to ${most}); ` +
          `frames while zooming: ${zooming}; while panning: ${panning}; an HPA is searched in ${searching} s`,
      );
      await page.close();
    }
  }
}

/** @param {readonly number[]} gaps ascending */
function framesText(gaps) {
  const at = (/** @type {number} */ part) => present(gaps[Math.floor((gaps.length - 1) * part)], 'frame').toFixed(0);
  return `median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms`;
}

const [, , mode, name = '', pages = '', path = ''] = process.argv;
if (mode === 'write') await write(name, Number(pages), path);
else {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  console.log(
    `Node ${process.version}, Chromium ${browser.version()}, ${cpus().length} × ${cpus()[0]?.model}, Linux ${kernel}`,
  );
  if (mode?.endsWith('.html')) await measure(browser, resolve(mode), '');
  else {
    const gib = Number(mode ?? 256);
    const scratch = mkdtempSync(join(tmpdir(), 'kvm-vtop-picture-'));
    for (const each of Object.keys(CASES)) {
      const file = join(scratch, 'page.html');
      const words = [fileURLToPath(import.meta.url), 'write', each, `${gib * GIB}`, file];
      const out = execFileSync(process.execPath, words, { encoding: 'utf8' });
      const { count, seconds, memory } = /** @type {{ count: number, seconds: number, memory: number }} */ (
        parseJson(out)
      );
      const written = `written in ${seconds.toFixed(1)} s with ${(memory / 2 ** 20).toFixed(0)} MiB`;
      await measure(browser, file, `${gib} GiB, ${each}: ${count} runs; ${written}; `);
      rmSync(file);
    }
    rmSync(scratch, { recursive: true });
  }
  await browser.close();
}
