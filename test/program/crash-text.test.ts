// SPDX-License-Identifier: Apache-2.0
// Compares the text output with what crash 9.0.2 printed for the same pages (fixtures/*/crash-vtop.txt.gz).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { FIXTURES, fixtures, kvmVtop } from '../run.js';

/** What crash printed for a fixture. */
const printedIn = (folder: string): string =>
  gunzipSync(readFileSync(join(folder, 'crash-vtop.txt.gz'))).toString('latin1');

const withText = fixtures().filter((name) => existsSync(join(FIXTURES, name, 'crash-vtop.txt.gz')));
const row = (a: string, b: string, c: string) => `${a.padEnd(16)}  ${b.padEnd(16)}  ${c.padEnd(16)}`;

/** The only output of crash for entries that are neither pages nor swap (markers, memory errors). */
const GAVE_UP = 'vtop: cannot determine swap location';

/** crash's blocks by VM, with the first two lines that the extension of 2012 prints before them. */
function blocksOf(folder: string): Map<string, { gpa: string; text: string }[]> {
  const byVm = new Map<string, { gpa: string; text: string }[]>();
  for (const block of printedIn(folder).split(/^(?=== )/m)) {
    const asked = /^== (\S+) pid \d+ gpa (\S+) hva (\S+) (.*)\n/.exec(block);
    // crash does not undo the inversion of PROT_NONE pages (docs/output.md).
    if (asked === null || block.includes('PROT_NONE') || block.includes(GAVE_UP)) continue;
    const [, vm = '', gpa = '', hva = ''] = asked;
    const [, , physical = '', ...rest] = block.split('\n');
    const hpa = /^\S+ +(.*?) *$/.exec(physical)?.[1] ?? '';
    const text = [row('GUEST PHYSICAL', 'HOST VIRTUAL', 'HOST PHYSICAL'), row(gpa, hva, hpa), ...rest].join('\n');
    byVm.set(vm, [...(byVm.get(vm) ?? []), { gpa, text: text.trimEnd() }]);
  }
  return byVm;
}

describe.each(withText)('text of %s', (name) => {
  const folder = join(FIXTURES, name);
  const { questions } = JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')) as {
    questions: { name: string; process: string; vm: string | null }[];
  };
  const blocks = [...blocksOf(folder)];

  test('nearly all addresses for which crash was run are compared', () => {
    const asked = printedIn(folder).match(/^== /gm)?.length ?? 0;
    const compared = blocks.reduce((sum, [, each]) => sum + each.length, 0);
    expect(asked).toBeGreaterThan(100);
    expect(compared).toBeGreaterThanOrEqual(asked - 14);
  });

  test.each(blocks)('%s: equals the output of crash byte for byte', (vm, blocks) => {
    const { process = '', vm: fd = null } = questions.find((question) => question.name === vm) ?? {};
    const choice = fd === null ? [] : ['--vm', fd];
    const args = ['-c', join(folder, 'vmcore.kdump'), '-g', process, ...choice, '-p', ...blocks.map(({ gpa }) => gpa)];
    const printed = kvmVtop(args)
      .stdout.split(/\n\n(?=GUEST PHYSICAL)/)
      .map((text) => text.trimEnd());
    expect(printed).toEqual(blocks.map(({ text }) => text));
  });
});
