// SPDX-License-Identifier: Apache-2.0
// Pages of `map --html` in Chromium.
import { afterAll, beforeAll, expect } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium as driver, type Page } from 'playwright-core';
import { CHROMIUM, chromium } from '../needs.js';
import { kvmVtop } from '../run.js';

/** Writes the page of a VM. */
export function written(path: string, args: readonly string[]): string {
  const { stderr } = kvmVtop(['map', ...args, '--html', path]);
  expect(stderr).toContain(`${path}: `);
  return path;
}

let browser: Browser | undefined;

/** Starts the browser for the tests of a file, and ends it. */
export function withBrowser(): void {
  beforeAll(async () => {
    if (chromium.isThere())
      browser = await driver.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  });
  afterAll(async () => {
    await browser?.close();
  });
}

/** An opened page, and what it must not have: requests, messages of the console, errors. */
export interface Opened {
  readonly page: Page;
  readonly complaints: string[];
}

/** Opens a page, and waits for the picture. */
export async function opened(path: string, options: BrowserContextOptions = {}): Promise<Opened> {
  if (browser === undefined) throw new Error('no browser');
  const size = { width: 1300, height: 850 };
  const context = await browser.newContext({ reducedMotion: 'reduce', viewport: size, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const complaints: string[] = [];
  const page = await context.newPage();
  context.on('request', (request) => {
    const url = request.url();
    if (url !== encodeURI(`file://${path}`) && !url.startsWith('data:')) complaints.push(`request: ${url}`);
  });
  page.on('console', (message) => {
    // What the tests read, the page does not.
    if (!message.text().includes('getImageData')) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack ?? ''}`));
  await page.goto(encodeURI(`file://${path}`));
  if (options.javaScriptEnabled !== false) await page.waitForSelector('html[data-ready]');
  return { page, complaints };
}

/** Closes a page, which must not have complained of anything. */
export async function closed({ page, complaints }: Opened): Promise<void> {
  await page.context().close();
  expect(complaints).toEqual([]);
}

/** Waits until an expression is true. (`page.waitForFunction` uses eval(), which the policy of the page forbids.) */
export async function until(page: Page, expression: string): Promise<void> {
  while (!(await page.evaluate<boolean>(expression))) await page.waitForTimeout(20);
}

/** Uses the search field. */
export async function find(page: Page, address: string, kind = 'any'): Promise<void> {
  await page.selectOption('#kind', kind);
  await page.fill('#query', address);
  await page.press('#query', 'Enter');
  await until(page, "!document.getElementById('found').textContent.includes('Searching')");
}

/** The lines about the selected page. */
export const details = async (page: Page): Promise<Record<string, string>> =>
  Object.fromEntries(
    await page.evaluate<[string, string][]>(
      `[...document.querySelectorAll('#details dl > div')].map((line) =>
        [line.querySelector('dt').textContent, line.querySelector('dd').firstChild.textContent])`,
    ),
  );

/** The colour of a point of the canvas, as in the style of an element. */
export const colourAt = (page: Page, x: number, y: number): Promise<string> =>
  page.evaluate(
    `(() => {
      const canvas = document.getElementById('picture');
      const [r, g, b] = canvas.getContext('2d').getImageData(${x} * devicePixelRatio, ${y} * devicePixelRatio, 1, 1).data;
      return 'rgb(' + r + ', ' + g + ', ' + b + ')';
    })()`,
  );

/** The colours of the legend by name. */
export const legend = async (page: Page): Promise<Record<string, string>> =>
  Object.fromEntries(
    await page.evaluate<[string, string][]>(
      `[...document.querySelectorAll('#legend button')].map((entry) =>
        [entry.querySelector('.name').textContent, entry.querySelector('.swatch').style.backgroundColor])`,
    ),
  );

/** Waits until what was asked for has been drawn. */
export const drawn = (page: Page): Promise<unknown> =>
  page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');

/** The text of an element as it is shown. */
export const shown = (page: Page, selector: string): Promise<string> =>
  page.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);
