// SPDX-License-Identifier: Apache-2.0
// The page of `map --html` of a dump, or with markup, that somebody else has made.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { closed, details, find, opened, shown, withBrowser, written } from '../build/browser.js';
import { kdump } from '../build/files.js';
import { manyStates, PID } from '../build/guest.js';
import { contentsOf, wishOf } from '../build/recoded.js';
import { scratch } from '../build/scratch.js';
import { dumpOf } from '../build/written.js';
import { chromium, needing } from '../needs.js';
import { FIXTURES } from '../run.js';

const files = scratch('picture-safety');
const inChromium = needing(chromium);
withBrowser();

inChromium.test('names of processes and files in a dump do not become elements or scripts', async () => {
  const contents = await contentsOf(join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump'));
  const hostile = [
    ['qemu-system-x86', '<b id=z>\'"&<!--'],
    ['memory-backend-memfd', '</script><b id=z>'],
    ['qemu_back_mem', '<svg onload=z'],
    ['beta\0', '<b>z\0'],
  ] as const;
  const changed = (page: Buffer): Buffer => {
    const copy = Buffer.from(page);
    for (const [from, to] of hostile)
      for (let at = copy.indexOf(from, 0, 'latin1'); at >= 0; at = copy.indexOf(from, at + 1, 'latin1'))
        copy.write(to.padEnd(from.length, ' '), at, 'latin1');
    return copy;
  };
  const pages = new Map([...contents.pages].map(([frame, page]) => [frame, changed(page)]));
  const path = files.file(kdump(wishOf({ ...contents, pages }, 'raw')), `"><b id=z>'.kdump`);
  const it = await opened(written(join(files.folder, 'hostile.html'), ['-c', path, '-g', '153']));
  expect(await it.page.$$('#z, svg, b')).toEqual([]);
  const text = await shown(it.page, 'body');
  for (const part of ['(<b id=z>\'"&<!--', 'memfd:</script><b id=z>', '<svg onload=z', '"><b id=z>\''])
    expect(text).toContain(part);
  await find(it.page, '0x102000000', 'gpa');
  expect((await details(it.page)).Slot).toContain('memfd:</script><b id=z>');
  expect((await details(it.page)).Command).toContain(`-c '${join(files.folder, `"><b id=z>'\\''.kdump`)}'`);
  await closed(it);
});

inChromium.test('nothing runs and nothing is loaded, even if there were markup of others in the page', async () => {
  const vm = ['-c', files.file(dumpOf(manyStates().host), 'host.elf'), '-g', `${PID}`];
  const text = readFileSync(written(join(files.folder, 'policy.html'), vm), 'utf8');
  let requests = 0;
  const server = createServer((_, answer) => {
    requests++;
    answer.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const image = `http://127.0.0.1:${port}/image.png`;
  const bad = `<script>document.title = 'owned'</script><img src="${image}" onerror="document.title = 'owned'"><b style="color: red">x</b>`;
  const changed = files.file(text.replace('<header>', `${bad}<header>`), 'policy-changed.html');
  const it = await opened(changed);
  expect(await it.page.title()).toBe(`Memory of the VM of pid ${PID}`);
  const refused = it.complaints.filter((line) => line.includes('Content Security Policy'));
  expect(refused.length).toBeGreaterThanOrEqual(3);
  // The browser reports the request that it does not send.
  expect(it.complaints.filter((line) => !refused.includes(line))).toEqual([`request: ${image}`]);
  await it.page.context().close();
  expect(requests).toBe(0);
  server.close();
});
