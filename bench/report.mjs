// SPDX-License-Identifier: Apache-2.0
// node bench/report.mjs [DUMPS]: the page of `scan --html` for dumps that do not exist, with 5 VMs each: how large it is, how long
// it takes to write and to open in Chromium, to sort, to search, and the time from frame to frame while it is scrolled. Needs a build
// and /usr/bin/chromium.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { assetsOf, reportPage, writePieces } from '#internal';

/** @import { ReportDump } from '#internal' */
/** @import { Page } from 'playwright-core' */

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const DUMPS = Number(process.argv[2] ?? 10_000);
const VMS = 5;
/** How often a page is opened; an odd number. */
const OPENED = 5;

/** @returns {Generator<ReportDump>} */
function* dumps() {
  for (let i = 0; i < DUMPS; i++) {
    const hasFailed = i % 50 === 7;
    const dump = `/var/crash/rack${i % 40}/127.0.0.1-2026-11-${String(1 + (i % 28)).padStart(2, '0')}-${i}/vmcore`;
    yield {
      ...{
        dump,
        files: [],
        size: 1e9 + i * 1e6,
        mtime: '2026-11-26T10:00:00.000Z',
        format: 'kdump-compressed version 6',
      },
      release: `6.${i % 13}.0-${i % 7}-amd64`,
      buildId: i.toString(16).padStart(40, '0'),
      node: `host-${i}.example.org`,
      crashTime: `2026-11-${String(1 + (i % 28)).padStart(2, '0')}T10:29:38.000Z`,
      panic: `Kernel panic - not syncing: Fatal exception in interrupt, case ${i % 9}`,
      vms: hasFailed ? null : VMS,
      status: hasFailed ? 'failed' : i % 20 === 3 ? 'incomplete' : 'ok',
      error: hasFailed ? `${dump}: the dump is truncated or incomplete: page at 0x${i.toString(16)}` : null,
      ...{ seconds: 1.5 + i / 1e4, peakMemory: 9e7 + i },
      problems: i % 20 === 3 ? ['vms: 1 VM may be missing'] : [],
      guests: hasFailed
        ? []
        : Array.from({ length: VMS }, (_, vm) => ({
            kvm: `0xffff${(i * VMS + vm).toString(16).padStart(12, '0')}`,
            ...{
              pid: 1000 + vm,
              name: `guest-${i}-${vm}`,
              uuid: `00000000-0000-4000-8000-${`${i}`.padStart(12, '0')}`,
            },
            ...{ comm: 'qemu-system-x86', memory: 2 ** 34, vcpus: 8, type: 'default', states: null, problems: [] },
            picture: `./report.files/${i}-${vm}.html`,
          })),
    };
  }
}

/** Milliseconds of some work in the page until it is drawn. */
async function timed(/** @type {Page} */ page, /** @type {string} */ work, until = 'true') {
  return /** @type {number} */ (
    await page.evaluate(`(async () => {
      const begin = performance.now();
      ${work};
      while (!(${until})) await new Promise((done) => setTimeout(done, 1));
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      return performance.now() - begin;
    })()`)
  );
}

const median = (/** @type {number[]} */ values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-report-'));
const path = join(folder, 'report.html');
const begin = performance.now();
const source = {
  heading: (/** @type {number} */ number) => ({ title: `${number} dumps`, facts: [] }),
  dumps: dumps(),
  notes: () => [],
};
await writePieces({ path, replace: false }, reportPage(source, assetsOf('report')));
console.log(`${DUMPS} dumps, ${statSync(path).size} bytes, written in ${Math.round(performance.now() - begin)} ms`);
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
/** @type {number[]} */
const opened = [];
/** @type {number[]} */
const painted = [];
for (let i = 0; i < OPENED; i++) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  const start = performance.now();
  await page.goto(`file://${path}`, { waitUntil: 'commit' });
  await page.waitForSelector('html[data-ready]');
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  opened.push(performance.now() - start);
  painted.push(
    Number(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")),
  );
  if (i === OPENED - 1) {
    const count = "document.getElementById('shown').textContent";
    const type = (/** @type {string} */ text) =>
      `document.getElementById('query').value = '${text}'; document.getElementById('query').dispatchEvent(new Event('input'))`;
    console.log(`rows with elements: ${String(await page.evaluate("document.querySelectorAll('tbody tr').length"))}`);
    console.log(`sort by host: ${Math.round(await timed(page, "document.querySelectorAll('.sort')[4].click()"))} ms`);
    console.log(`first search: ${Math.round(await timed(page, type('guest-77-3'), `${count}.startsWith('1 of')`))} ms`);
    console.log(`next search: ${Math.round(await timed(page, type('host-4321.'), `${count}.startsWith('1 of')`))} ms`);
    await timed(page, type(''), `${count}.startsWith('${DUMPS.toLocaleString('en-US')} of')`);
    const frames = /** @type {number[]} */ (
      await page.evaluate(`(async () => {
        const box = document.querySelector('.rows');
        const times = [];
        let last = performance.now();
        for (let i = 0; i < 120; i++) {
          box.scrollTop += 700;
          await new Promise((done) => requestAnimationFrame(done));
          const now = performance.now();
          times.push(now - last);
          last = now;
        }
        return times.sort((a, b) => a - b);
      })()`)
    );
    console.log(
      `scrolling: ${[60, 114, 119].map((at) => Math.round(frames[at] ?? 0)).join(', ')} ms (median, 95 %, longest)`,
    );
    console.log(
      `table of VMs: ${Math.round(await timed(page, "document.querySelectorAll('#views input')[1].click()"))} ms`,
    );
  }
  await page.close();
}
await browser.close();
rmSync(folder, { recursive: true });
const range = (/** @type {number[]} */ values) =>
  `${Math.round(median(values))} ms (${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))})`;
console.log(`opens: ${range(opened)}; first paint: ${range(painted)}`);
