// SPDX-License-Identifier: Apache-2.0
// The page of `map --html` in Chromium: what it shows, and how it is used.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, expect, test } from '@jest/globals';
import axe, { type AxeResults } from 'axe-core';
import {
  closed,
  colourAt,
  details,
  drawn,
  find,
  legend,
  opened,
  shown,
  until,
  withBrowser,
  written,
} from '../build/browser.js';
import { manyStates, PID, type Truth } from '../build/guest.js';
import { scratch } from '../build/scratch.js';
import { dumpOf } from '../build/written.js';
import { chromium, needing, recordedHosts } from '../needs.js';
import { kvmVtop, SHARED } from '../run.js';

const files = scratch('picture');
const { host, truth } = manyStates();
const dump = files.file(dumpOf(host), 'host.elf');
const hex = (address: bigint): string => `0x${address.toString(16)}`;
const inChromium = needing(chromium);
withBrowser();

const vm = ['-c', dump, '-g', `${PID}`];

inChromium.test('a page without a picture says so', async () => {
  const path = join(files.folder, 'none.html');
  expect(kvmVtop(['map', ...vm, '-p', '700000000', '--html', path]).status).toBe(1);
  const it = await opened(path);
  expect(await shown(it.page, '#reading')).toMatch(/^There is no picture: /);
  await closed(it);
});

inChromium.describe('the page of a guest with many states', () => {
  let path: string;
  beforeAll(() => {
    path = written(join(files.folder, 'many.html'), vm);
  });

  test('each page is found by its GPA, its HVA and its HPA, and has its addresses and its state', async () => {
    const it = await opened(path);
    for (const { gpa, hva, hpa, state } of truth) {
      const expected = { GPA: hex(gpa + 0x84n), HVA: hex(hva + 0x84n), State: state };
      for (const [kind, address] of [
        ['gpa', gpa],
        ['hva', hva],
      ] as const) {
        await find(it.page, hex(address + 0x84n), kind);
        const found = await details(it.page);
        expect(found).toMatchObject(expected);
        expect(found.HPA).toBe(hpa === null ? undefined : hex(hpa + 0x84n));
        expect(found.Command).toBe(`kvm-vtop -c ${dump} -g ${PID} -p ${(gpa + 0x84n).toString(16)}`);
      }
      if (hpa === null) continue;
      await find(it.page, hex(hpa + 0x84n), 'hpa');
      const hits = await it.page.evaluate<string[]>(
        "[...document.querySelectorAll('#found li button')].map((button) => button.textContent)",
      );
      const shared = truth.filter((other) => other.hpa === hpa).length > 1;
      if (shared)
        expect(hits).toEqual([expect.stringMatching(/^GPA 0x1000084 /), expect.stringMatching(/^GPA 0x1007084 /)]);
      else expect(await details(it.page)).toMatchObject(expected);
    }
    await closed(it);
  });

  test('the command of a page gives the address that the page shows', () => {
    for (const { gpa, hpa } of truth) {
      const { stdout } = kvmVtop([...vm, '-p', gpa.toString(16), '--json']);
      expect(JSON.parse(stdout)).toMatchObject({ hpa: hpa === null ? null : hex(hpa) });
    }
  });

  test('what is said about a point of the picture is what its colour means', async () => {
    const it = await opened(path);
    const { page } = it;
    await find(page, '0x3000000', 'gpa');
    const word = (text: string): string => /: (.*?)(?: \(PROT_NONE\))?(?: \(.*|, page of.*)?$/.exec(text)?.[1] ?? '';
    const seen = new Set<string>();
    // From single pages, around one that was swapped out, to the whole guest.
    for (const zoom of ['#out', '#out', '#out', '#out', '#whole']) {
      await page.click(zoom);
      await page.mouse.move(0, 0);
      await drawn(page);
      const colours = await legend(page);
      for (let y = 40; y < 600; y += 83)
        for (let x = 110; x < 800; x += 97) {
          await page.mouse.move(0, 0);
          await drawn(page);
          const colour = await colourAt(page, x, y);
          await page.hover('#picture', { position: { x, y } });
          if (!(await page.isVisible('#tip'))) continue;
          const text = await shown(page, '#tip');
          if (text.endsWith('in no memslot')) continue;
          const name = text.includes('PROT_NONE') ? 'resident, PROT_NONE' : word(text);
          // Lines between pages have another colour.
          if (!Object.values(colours).includes(colour)) continue;
          expect({ text, colour }).toEqual({ text, colour: colours[name] });
          seen.add(name);
        }
    }
    expect([...seen].sort()).toEqual(expect.arrayContaining(['not mapped', 'resident', 'swapped']));
    await closed(it);
  });

  test('a click selects the page under the pointer, whose addresses can be copied', async () => {
    const it = await opened(path);
    const { page } = it;
    await find(page, '1005000', 'gpa');
    // Near the page that was found, which is in the first row and in the middle.
    await page.hover('#picture', { position: { x: 560, y: 100 } });
    const tip = await shown(page, '#tip');
    await page.click('#picture', { position: { x: 560, y: 100 } });
    const found = await details(page);
    expect(tip).toContain(`GPA ${found.GPA}, HVA ${found.HVA}, HPA ${found.HPA}: resident`);
    await page.click('button[aria-label="Copy HPA"]');
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(found.HPA);
    await closed(it);
  });

  test('it can be used with the keyboard alone, and says what is selected', async () => {
    const it = await opened(path);
    const { page } = it;
    const live = (): Promise<string> => shown(page, '#live');
    await page.keyboard.press('/');
    await page.keyboard.type('0x5000');
    await page.keyboard.press('Enter');
    await until(page, "document.getElementById('live').textContent !== ''");
    expect(await live()).toContain('GPA 0x5000, HVA 0x7f0000005000, HPA 0x666000: resident (PROT_NONE)');
    await page.focus('#picture');
    // The runs before and after: the stretch that was never touched is one.
    await page.keyboard.press(']');
    expect(await live()).toMatch(/^GPA 0x6000, HVA 0x7f0000006000: not mapped/);
    await page.keyboard.press(']');
    expect(await live()).toMatch(/^GPA 0x9000, .*: poisoned/);
    await page.keyboard.press('[');
    await page.keyboard.press('[');
    expect(await live()).toContain('GPA 0x5000,');
    await page.keyboard.press('ArrowRight');
    expect(await live()).toContain('GPA 0x6000,');
    await page.keyboard.press('ArrowDown');
    expect(await live()).toContain('GPA 0x26000,');
    await page.keyboard.press('End');
    expect(await live()).toContain('GPA 0x13ffff000,');
    await page.keyboard.press('Home');
    expect(await live()).toContain('GPA 0x0,');
    const scale = (): Promise<string> => shown(page, '#scale');
    await page.keyboard.press('0');
    const whole = await scale();
    await page.keyboard.press('+');
    expect(await scale()).not.toBe(whole);
    await page.keyboard.press('-');
    expect(await scale()).toBe(whole);
    await page.keyboard.press('2');
    expect(Object.keys(await legend(page))).toEqual(['4 KiB', '2 MiB', '1 GiB', 'not resident']);
    await page.keyboard.press('Escape');
    expect(await shown(page, '#details')).toMatch(/^Click a page/);
    await closed(it);
  });

  test('the legend filters: other colours become faint', async () => {
    const it = await opened(path);
    const { page } = it;
    await find(page, '3009000', 'gpa');
    const colours = await legend(page);
    await page.keyboard.press('Escape');
    await drawn(page);
    // Below the page that was found, which is in the middle.
    const place = [300, 400] as const;
    expect(await colourAt(page, ...place)).toBe(colours.swapped);
    await page.click('#legend button:has-text("resident")');
    await drawn(page);
    expect(Object.values(colours)).not.toContain(await colourAt(page, ...place));
    await page.click('#legend button[aria-pressed="true"]');
    await page.click('#legend button:has-text("swapped")');
    await drawn(page);
    expect(await colourAt(page, ...place)).toBe(colours.swapped);
    await closed(it);
  });

  test('the wheel zooms to single pages and back, dragging moves', async () => {
    const it = await opened(path);
    const { page } = it;
    const whole = await shown(page, '#scale');
    await page.hover('#picture', { position: { x: 400, y: 300 } });
    for (let i = 0; i < 40; i++) await page.mouse.wheel(0, -200);
    await until(page, "/square of 112/.test(document.getElementById('scale').textContent)");
    await page.hover('#picture', { position: { x: 400, y: 300 } });
    const before = await shown(page, '#tip');
    await page.mouse.down();
    await page.mouse.move(200, 250, { steps: 4 });
    await page.mouse.up();
    await page.hover('#picture', { position: { x: 400, y: 300 } });
    expect(await shown(page, '#tip')).not.toBe(before);
    for (let i = 0; i < 60; i++) await page.mouse.wheel(0, 200);
    await until(page, `document.getElementById('scale').textContent === ${JSON.stringify(whole)}`);
    await closed(it);
  });

  test.each(['light', 'dark'] as const)('on a %s page nothing is left to complain of for axe', async (colorScheme) => {
    const it = await opened(path, { colorScheme });
    await find(it.page, '0x200000000', 'hpa');
    const background = await it.page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    expect(background).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(21, 25, 30)');
    await it.page.evaluate(axe.source);
    const { violations } = await it.page.evaluate<AxeResults>('axe.run()');
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    await closed(it);
  });

  test('a window of another size, and a narrow one, show the same page', async () => {
    const it = await opened(path);
    const { page } = it;
    await find(page, '1005000', 'gpa');
    for (const width of [700, 400, 1600]) {
      await page.setViewportSize({ width, height: 700 });
      await drawn(page);
      await page.focus('#picture');
      await page.keyboard.press('[');
      await page.keyboard.press(']');
      expect((await details(page)).GPA).toBe('0x1005000');
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    }
    await closed(it);
  });

  test('without JavaScript the tables are there, and a notice', async () => {
    const it = await opened(path, { javaScriptEnabled: false });
    const text = await shown(it.page, 'body');
    expect(text).toContain('The picture needs JavaScript');
    expect(text).not.toContain('Find');
    expect(text).toMatch(/0x100000000 to 0x13fffffff\t0x7f4000000000\t2\t1 GiB\t1 GiB\t0 B/);
    expect(text).toMatch(/swapped\t2 MiB\t2097152/);
    expect(text).toMatch(/Address spaces of the VM/);
    await it.page.context().close();
  });

  test('a row of the table of memslots shows the slot', async () => {
    const it = await opened(path);
    await it.page.click('td button, th button');
    expect(await details(it.page)).toMatchObject({ GPA: '0x0' });
    await closed(it);
  });
});

inChromium.test('a page of some ranges says what was not asked for', async () => {
  const it = await opened(
    written(join(files.folder, 'ranges.html'), [...vm, '-p', '1000000+4000', '100000000-1001fffff']),
  );
  await find(it.page, '0x1001000', 'gpa');
  expect(await details(it.page)).toMatchObject({ State: 'resident' });
  await find(it.page, '0x1004000', 'gpa');
  expect(await details(it.page)).toMatchObject({ State: 'not in the ranges that were asked for' });
  expect(await shown(it.page, '.facts')).toMatch(/Ranges\s*0x1000000 to 0x1003fff, 0x100000000 to 0x1001fffff/);
  await closed(it);
});

needing(chromium, recordedHosts).describe('a recorded host', () => {
  test('beta of 7.2: hugetlbfs, KSM, memfd and swap are as its own kernel said', async () => {
    const folder = join(SHARED, 'dumps', 'debian-7.2-zstd-contents');
    const it = await opened(written(join(files.folder, 'beta.html'), ['-c', join(folder, 'vmcore'), '-g', 'beta']));
    const all = pagesOf(join(folder, 'pagemap-beta.txt.gz'));
    expect(all.length).toBeGreaterThan(40_000);
    for (let i = 0; i < all.length; i += 601) {
      const { gpa, hva, hpa, state } = all[i] as Truth;
      await find(it.page, hex(gpa), 'gpa');
      const found = await details(it.page);
      expect(found).toMatchObject({ HVA: hex(hva), State: expect.stringMatching(new RegExp(`^${state}`)) });
      expect(found.HPA).toBe(hpa === null ? undefined : hex(hpa));
    }
    await closed(it);
  });
});

/** The pages of a recorded guest: GPA, HVA, and the entry of /proc/PID/pagemap. */
const pagesOf = (path: string): Truth[] =>
  gunzipSync(readFileSync(path))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [gpa, hva, entry] = line.split(' ').map((word) => BigInt(`0x${word}`)) as [bigint, bigint, bigint];
      const isPresent = entry >> 63n === 1n;
      const state = isPresent ? 'resident' : ((entry >> 62n) & 1n) === 1n ? 'swapped' : 'not mapped';
      return { gpa, hva, hpa: isPresent ? (entry & ((1n << 55n) - 1n)) << 12n : null, state };
    });
