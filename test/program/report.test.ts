// SPDX-License-Identifier: Apache-2.0
// The page of `scan --html` in Chromium: what it shows, and how it is used.
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { closed, drawn, opened, shown, until, withBrowser } from '../build/browser.js';
import { kdump } from '../build/files.js';
import { contentsOf, wishOf } from '../build/recoded.js';
import { dumpsIn, INTEL, type Line, linesOf, NEW, scan, scanFolder, VMS } from '../build/scan.js';
import { chromium, needing } from '../needs.js';

const { folder, inFolder, copy } = scanFolder();
const inChromium = needing(chromium);
withBrowser();

/** The rows that have elements: the full texts of their cells by heading. */
const rows = (page: Page): Promise<Record<string, string>[]> =>
  page.evaluate(`(() => {
    const names = [...document.querySelectorAll('thead th')].map((cell) => cell.innerText.replace(/[▴▾]/, '').trim());
    return [...document.querySelectorAll('tbody tr[data-row]')].map((row) =>
      Object.fromEntries([...row.cells].map((cell, i) => [names[i], cell.title])));
  })()`);

/** What is said of the chosen row. */
const details = async (page: Page): Promise<Record<string, string>> =>
  Object.fromEntries(
    await page.evaluate<[string, string][]>(
      "[...document.querySelectorAll('#details dl > div')].map((line) => [...line.children].map((cell) => cell.textContent))",
    ),
  );

const view = (page: Page, name: 'Dumps' | 'VMs'): Promise<void> => page.check(`input[value="${name}"]`);

/** Searches, and waits for what is found. */
async function search(page: Page, query: string, found: string): Promise<void> {
  await page.fill('#query', 'what nobody wrote');
  await until(page, "document.getElementById('shown').textContent.startsWith('0 of')");
  await page.fill('#query', query);
  await until(page, `document.getElementById('shown').textContent === ${JSON.stringify(found)}`);
}

/** The addresses of struct kvm in the names of pictures, without those of the dumps. */
const kvmsIn = (names: readonly string[]): string[] =>
  names.map((name) => name.replace(/^[0-9a-f]{40}-(.*)\.html$/, '$1'));

inChromium.describe('the page of some dumps', () => {
  const report = inFolder('report.html');
  const names = { cut: inFolder('a cut dump'), absent: inFolder('absent'), again: inFolder('the same again') };
  let lines: Line[];
  const vms = (): Line[] => lines.filter(({ record }) => record === 'vm');
  beforeAll(() => {
    truncateSync(copy(NEW, 'a cut dump'), 500_000);
    copy(INTEL, 'the same again');
    const run = scan(...VMS, ...Object.values(names), '--html', report, '--pictures', '-o', inFolder('all.jsonl'));
    expect([run.status, run.stdout]).toEqual([1, '']);
    expect(run.stderr).toContain(`${report}: 6 dumps, ${readdirSync(inFolder('report.files')).length} pictures, `);
    lines = linesOf(readFileSync(inFolder('all.jsonl'), 'utf8'));
  });

  test('has each dump, and those that failed first', async () => {
    const it = await opened(report);
    expect(await shown(it.page, '.verdict')).toMatch(/^Of 6 dumps, 2 failed, /);
    expect(await shown(it.page, '#shown')).toBe('6 of 6 dumps');
    const found = await rows(it.page);
    expect(found.slice(0, 2).map(({ Dump, Status }) => [Dump, Status])).toEqual([
      [names.cut, 'failed'],
      [names.absent, 'failed'],
    ]);
    for (const { dump, status, release, vms: number, error } of dumpsIn(lines)) {
      const row = found.find(({ Dump }) => Dump === dump) as Record<string, string>;
      expect(row).toMatchObject({
        Status: status,
        Kernel: release ?? '',
        VMs: number === null ? '' : `${number as number}`,
      });
      if (error !== null) expect(row.Problem).toBe(error);
    }
    await closed(it);
  });

  test('has the VMs of vms, each with its own picture', async () => {
    const it = await opened(report);
    const { page } = it;
    const pictures = readdirSync(inFolder('report.files'));
    expect(kvmsIn(pictures).sort()).toEqual(
      vms()
        .map(({ kvm }) => String(kvm).slice(2))
        .sort(),
    );
    // The same dump under two names has two pictures of each VM.
    expect(new Set(kvmsIn(pictures)).size).toBeLessThan(pictures.length);
    await view(page, 'VMs');
    expect(await shown(page, '#shown')).toBe(`${vms().length} of ${vms().length} VMs`);
    const found = await rows(page);
    expect(found.map(({ Pid, vCPUs, Dump }) => [Pid, vCPUs, Dump])).toEqual(
      vms().map(({ pid, vcpus, dump }) => [`${pid as number}`, `${vcpus as number}`, dump]),
    );
    await page.click('tbody tr[data-row="4"]');
    expect(await details(page)).toMatchObject({ 'struct kvm': vms()[4]?.kvm, Dump: vms()[4]?.dump });
    const link = (await page.getAttribute('#details a', 'href')) as string;
    await closed(it);
    const picture = await opened(join(folder, decodeURIComponent(link)));
    expect(await shown(picture.page, '.facts')).toMatch(new RegExp(`struct kvm\\s*${String(vms()[4]?.kvm)}`));
    await closed(picture);
  });

  test('is readable by its owner alone, and leaves no drafts', () => {
    expect(statSync(report).mode & 0o777).toBe(0o600);
    expect(statSync(inFolder('report.files')).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).filter((name) => /parts|partial|replaced/.test(name))).toEqual([]);
  });

  test('a search finds what is shown anywhere, also a dump by its VMs', async () => {
    const it = await opened(report);
    const { page } = it;
    const [, second] = vms();
    await search(page, `${String(second?.kvm)} ${String(second?.dump)}`, '1 of 6 dumps');
    expect((await rows(page)).map(({ Dump }) => Dump)).toEqual([second?.dump]);
    await search(page, 'the same again', '1 of 6 dumps');
    await search(page, 'AGAIN the', '1 of 6 dumps');
    await search(page, 'no such file', '1 of 6 dumps');
    expect((await rows(page)).map(({ Dump }) => Dump)).toEqual([names.absent]);
    await page.fill('#query', 'what nobody wrote');
    await until(page, "document.getElementById('shown').textContent === '0 of 6 dumps'");
    expect(await rows(page)).toEqual([]);
    await page.press('#query', 'Escape');
    expect(await shown(page, '#shown')).toBe('6 of 6 dumps');
    // A line of the summary is a search.
    await page.click('.lists button:has-text("no such file")');
    expect(await page.inputValue('#query')).toBe('no such file');
    expect((await rows(page)).map(({ Dump }) => Dump)).toEqual([names.absent]);
    await closed(it);
  });

  test('statuses filter dumps, and VMs by their dump', async () => {
    const it = await opened(report);
    const { page } = it;
    const count = dumpsIn(lines).filter(({ status }) => status !== 'failed').length;
    await page.uncheck('input[value="failed"]');
    expect(await shown(page, '#shown')).toBe(`${count} of 6 dumps`);
    expect((await rows(page)).map(({ Status }) => Status)).not.toContain('failed');
    await page.uncheck('input[value="ok"]');
    await page.uncheck('input[value="incomplete"]');
    await view(page, 'VMs');
    expect(await shown(page, '#shown')).toBe(`0 of ${vms().length} VMs`);
    await closed(it);
  });

  test('a heading sorts, numbers as numbers, what is not known last', async () => {
    const it = await opened(report);
    const { page } = it;
    const sizes = dumpsIn(lines).flatMap(({ dump, size }) => (size === null ? [] : [[dump, size as number] as const]));
    const ascending = sizes.sort(([, a], [, b]) => a - b).map(([dump]) => dump);
    await page.click('.sort:has-text("Size")');
    expect((await rows(page)).map(({ Dump }) => Dump).slice(0, 2)).toEqual(ascending.slice(0, 2));
    expect((await rows(page)).at(-1)?.Dump).toBe(names.absent);
    expect(await page.getAttribute('th:has-text("Size")', 'aria-sort')).toBe('ascending');
    await page.click('.sort:has-text("Size")');
    expect((await rows(page))[0]?.Dump).toBe(ascending.at(-1));
    expect((await rows(page)).at(-1)?.Dump).toBe(names.absent);
    expect(await page.getAttribute('th:has-text("Size")', 'aria-sort')).toBe('descending');
    expect(await page.getAttribute('th:has-text("Status")', 'aria-sort')).toBe(null);
    await closed(it);
  });

  test('it can be used with the keyboard alone', async () => {
    const it = await opened(report);
    const { page } = it;
    const focused = (): Promise<string> => page.evaluate('document.activeElement.id || document.activeElement.tagName');
    await page.keyboard.press('/');
    expect(await focused()).toBe('query');
    await page.keyboard.type('kdump');
    await until(page, "document.getElementById('shown').textContent === '4 of 6 dumps'");
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    expect(await focused()).toBe('TABLE');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect((await details(page)).Dump).toBe(names.absent);
    const active = await page.getAttribute('table', 'aria-activedescendant');
    expect(await page.getAttribute(`#${active as string}`, 'aria-selected')).toBe('true');
    await page.keyboard.press('End');
    const last = (await details(page)).Dump;
    expect((await rows(page)).at(-1)?.Dump).toBe(last);
    await page.keyboard.press('Enter');
    expect(await focused()).toBe('details-title');
    // From there on: the first of its VMs, its picture.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect((await details(page)).Dump).toBe(last);
    expect(await shown(page, '#details-title')).toBe('VM');
    expect(await focused()).toBe('TABLE');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    expect(await focused()).toBe('TABLE');
    await closed(it);
  });

  test.each(['light', 'dark'] as const)('on a %s page nothing is left to complain of for axe', async (colorScheme) => {
    const it = await opened(report, { colorScheme });
    const { page } = it;
    const background = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    expect(background).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(21, 25, 30)');
    await page.evaluate(axe.source);
    for (const name of ['Dumps', 'VMs'] as const) {
      await view(page, name);
      await page.click('tbody tr[data-row="2"]');
      const { violations } = await page.evaluate<AxeResults>('axe.run()');
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    }
    await closed(it);
  });

  test('a narrow window scrolls the table, not the page', async () => {
    const it = await opened(report);
    for (const width of [700, 400, 1600]) {
      await it.page.setViewportSize({ width, height: 700 });
      await drawn(it.page);
      expect(await it.page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    }
    await closed(it);
  });

  test('without JavaScript the summary is there, and a notice', async () => {
    const it = await opened(report, { javaScriptEnabled: false });
    const text = await shown(it.page, 'body');
    expect(text).toMatch(/Of 6 dumps, 2 failed/);
    expect(text).toContain('The tables need JavaScript');
    expect(text).not.toContain('Reading the dumps');
    await it.page.context().close();
  });

  test('10,000 dumps: only those in sight have elements; the last one and any other are found', async () => {
    const text = readFileSync(report, 'utf8');
    const [, json = ''] = /id="report-data">(.*?)<\/script>/s.exec(text) ?? [];
    const known = JSON.parse(json) as { dump: string; status: string; guests: unknown[] }[];
    const ok = known.find(({ guests }) => guests.length > 0);
    const many = Array.from({ length: 10_000 }, (_, i) => ({ ...ok, dump: `/many/${i}/vmcore`, status: 'ok' }));
    const path = inFolder('many.html');
    writeFileSync(
      path,
      text.replace(json, () => JSON.stringify(many)),
    );
    const it = await opened(path);
    const { page } = it;
    expect(await page.getAttribute('table', 'aria-rowcount')).toBe('10001');
    expect((await rows(page)).length).toBeLessThan(100);
    await page.focus('table');
    await page.keyboard.press('End');
    expect((await details(page)).Dump).toBe('/many/9999/vmcore');
    await until(page, 'document.querySelector(\'tr[data-row="9999"]\') !== null');
    const [box, row] = await page.evaluate<[number, number]>(
      "['.rows', 'tr[data-row=\"9999\"]'].map((name) => document.querySelector(name).getBoundingClientRect().bottom)",
    );
    expect(Math.abs(box - row)).toBeLessThan(20);
    // The rows stay in step with the scroll bar.
    await page.evaluate(
      "document.querySelector('.rows').scrollTop = 5000 * document.querySelector('tr[data-row]').offsetHeight",
    );
    await until(page, 'document.querySelector(\'tr[data-row="5000"]\') !== null');
    const [head, at] = await page.evaluate<[number, number]>(
      "[document.querySelector('thead th').getBoundingClientRect().bottom, document.querySelector('tr[data-row=\"5000\"]').getBoundingClientRect().top]",
    );
    expect(Math.abs(head - at)).toBeLessThan(3);
    await search(page, '/many/4321/', '1 of 10,000 dumps');
    expect((await rows(page)).map(({ Dump }) => Dump)).toEqual(['/many/4321/vmcore']);
    await closed(it);
  });
});

inChromium.test(
  'names in a dump and of dumps do not become elements or scripts, and change no other text',
  async () => {
    const contents = await contentsOf(NEW);
    const hostile = [
      ['qemu-system-x86', '</script><b>z'],
      ['two-vms\0', '<svg on>'],
    ] as const;
    const changed = (bytes: Buffer): Buffer => {
      const own = Buffer.from(bytes);
      for (const [from, to] of hostile)
        for (let at = own.indexOf(from, 0, 'latin1'); at >= 0; at = own.indexOf(from, at + 1, 'latin1'))
          own.write(to.padEnd(from.length, ' '), at, 'latin1');
      return own;
    };
    const pages = new Map([...contents.pages].map(([frame, bytes]) => [frame, changed(bytes)]));
    const name = `<img src=x onerror="document.title='owned'">\n\u202egnp\u2028&'"`;
    writeFileSync(inFolder(name), kdump(wishOf({ ...contents, pages }, 'raw')));
    const report = inFolder('hostile.html');
    const run = scan(inFolder(name), inFolder('</script><b>absent'), '--html', report, '-q');
    expect([run.status, run.stderr]).toEqual([1, '']);
    expect(readFileSync(report, 'utf8')).not.toMatch(/[\u202e\u2028]|<img|<b>/);
    const it = await opened(report);
    const { page } = it;
    expect(await page.title()).toBe('Scan of 2 dumps');
    expect(await shown(page, 'tbody tr[data-row="0"]')).toContain('absent');
    await page.click('tbody tr[data-row="1"]');
    expect((await details(page)).Dump).toBe(
      inFolder(`<img src=x onerror="document.title='owned'">\\x0a\\u202egnp\\u2028&'"`),
    );
    await view(page, 'VMs');
    const found = (await rows(page)).map(({ Process }) => Process?.trim());
    expect(found).toContain('</script><b>z');
    expect(found).toContain('<svg on>');
    expect(await page.$$('img, b, svg')).toEqual([]);
    await closed(it);
  },
);
