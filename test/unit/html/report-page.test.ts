// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ReportDump } from '../../../src/html/report-format.js';
import { reportPage } from '../../../src/html/report-page.js';

const made = { script: 'SCRIPT', style: 'STYLE', licences: '', version: '1' };

/** The page of some dumps. Its late pieces come last. */
function textOf(dumps: readonly ReportDump[]): string {
  const source = { heading: (count: number) => ({ title: `${count} dumps`, facts: [] }), dumps, notes: () => [] };
  const pieces = [...reportPage(source, made)];
  const joined = (isLate: boolean): string =>
    pieces
      .filter((piece) => (piece.isLate ?? false) === isLate)
      .map(({ text }) => text)
      .join('');
  return joined(false) + joined(true);
}

const dump = (own: Partial<ReportDump>): ReportDump => ({
  ...{ dump: 'vmcore', files: [], size: 4096, mtime: null, format: null, release: null, buildId: null, node: null },
  ...{ crashTime: null, panic: null, vms: 0, status: 'ok', error: null, seconds: 1, peakMemory: null, problems: [] },
  guests: [],
  ...own,
});

const dataIn = (text: string): unknown => JSON.parse(/id="report-data">(.*?)<\/script>/s.exec(text)?.[1] ?? '');

test('no text can end the data, or add markup', () => {
  const piece = fc.constantFrom(
    '</script>',
    '<!--',
    '<b>',
    '"',
    "'",
    '&',
    '\u2028',
    '\u202e',
    '\n',
    '\\',
    'a',
    '\ud800',
  );
  const text = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''));
  const plain = textOf([dump({ panic: '', error: '', status: 'failed' })]);
  const tags = (page: string): number => page.split('<').length;
  fc.assert(
    fc.property(text, text, (panic, error) => {
      const page = textOf([dump({ panic, error, status: 'failed' })]);
      expect(tags(page)).toBe(tags(plain));
      expect(page).not.toMatch(/[\u2028\u202e]/);
      expect(dataIn(page)).toMatchObject([{ status: 'failed' }]);
    }),
  );
});

test('a long text is cut', () => {
  const [only] = dataIn(textOf([dump({ panic: 'x'.repeat(100_000) })])) as ReportDump[];
  expect(only?.panic).toHaveLength(4001);
});

const listed = (text: string): string[] =>
  [...text.matchAll(/<li><span class="count">(.*?)<\/span> <span[^>]*>(.*?)<\/span><\/li>/g)].map(
    ([, count, name]) => `${count} ${name}`,
  );

test('failures of one cause are counted together, whatever the dump and the address', () => {
  const failed = (name: string, address: string): ReportDump =>
    dump({ dump: name, status: 'failed', error: `${name}: truncated: page at ${address} of ${name}` });
  const dumps = [
    failed('/a/vmcore', '0x1000'),
    failed('/b/vmcore', '0x2f'),
    dump({ status: 'failed', error: 'other' }),
  ];
  expect(listed(textOf(dumps))).toEqual(['2 truncated: page at … of …', '1 other']);
});

test.each([
  [['ok', 'ok'], 'All 2 dumps answered everything.'],
  [['failed'], 'The dump failed.'],
  [['incomplete', 'incomplete'], 'All 2 dumps gave incomplete answers.'],
  [['ok', 'failed', 'ok'], 'Of 3 dumps, 1 failed, 2 answered everything.'],
] as const)('%j: %s', (statuses, verdict) => {
  const text = textOf(statuses.map((status) => dump({ status })));
  expect(/<p class="verdict">(.*?)<\/p>/.exec(text)?.[1]?.replace(/<\/?strong>/g, '')).toBe(verdict);
});
