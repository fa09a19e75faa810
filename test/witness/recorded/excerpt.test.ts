// SPDX-License-Identifier: Apache-2.0
// Excerpts of a host whose dump contains the guests' memory do not contain it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { found, valuesOf } from '../../build/guest-values.js';
import { dumpFolder } from '../../build/recorded.js';
import { scratch } from '../../build/scratch.js';
import { needing, recordedHosts } from '../../needs.js';
import { FIXTURES, kvmVtop } from '../../run.js';

const { test: withHosts } = needing(recordedHosts);
const { folder } = scratch('excerpt');
const core = join(dumpFolder('debian-7.2-zstd-contents'), 'vmcore');

withHosts('words that programs in the guests wrote are in the dump from which the 7.2 fixture was made', async () => {
  const values = valuesOf('debian-7.2');
  const { values: there } = await found(core, values, 0x60000);
  expect(there.size).toBe(values.size);
});

withHosts('words of both guests are not in excerpts made from this dump', async () => {
  const { questions } = JSON.parse(readFileSync(join(FIXTURES, 'debian-7.2', 'facts.json'), 'utf8')) as {
    questions: { name: string; process: string; cases: { gpa: string }[] }[];
  };
  const values = valuesOf('debian-7.2');
  const both = questions.filter(({ name }) => /alpha|beta/.test(name));
  expect(both.length).toBeGreaterThanOrEqual(2);
  for (const { name, process, cases } of both) {
    const output = join(folder, `${name}.kdump`);
    const asked = cases.map(({ gpa }) => gpa);
    expect(kvmVtop(['excerpt', '-c', core, '-g', process, '-p', ...asked, '-o', output]).stdout).toMatch(
      /same answers/,
    );
    expect([...(await found(output, values, 0x200000)).values]).toEqual([]);
  }
});
