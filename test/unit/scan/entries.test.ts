// SPDX-License-Identifier: Apache-2.0
// Lists of dumps are read as a shell reads words.
import { describe, expect, test } from '@jest/globals';
import { entriesOf, entriesOfNames, shardOf } from '../../../src/scan/entries.js';

const OPTIONS = ['--layout', '--vmlinux'];
const files = (text: string): (readonly string[])[] => entriesOf(text, 'list', OPTIONS).map((entry) => entry.files);

describe('lists', () => {
  test.each([
    ['a line for each dump', 'a\nb c\n', [['a'], ['b', 'c']]],
    ['without a line break at the end', 'a\nb', [['a'], ['b']]],
    ['blank lines and comments', '\n # x y\na # z\n#\n', [['a']]],
    ['# inside a word', 'a#b \\#c "d"#e f\\ #g\n', [['a#b', '#c', 'd#e', 'f #g']]],
    ['quotes', `'a b' "c'd" e"f g"'h' ''x\n`, [['a b', "c'd", 'ef gh', 'x']]],
    ['line breaks in quotes', `'a\nb'\n"c\nd"\n`, [['a\nb'], ['c\nd']]],
    ['a backslash before a line break continues the line', 'a\\\nb \\\nc\n', [['ab', 'c']]],
    ['backslashes', '"a\\"b\\\\c\\d" e\\ f\n', [['a"b\\c\\d', 'e f']]],
    ['line ends of DOS', 'a\r\nb\r\n', [['a'], ['b']]],
  ])('%s', (_name, text, expected) => {
    expect(files(text)).toEqual(expected);
  });

  test('options of a line', () => {
    expect(entriesOf('--layout l a --vmlinux "v w" b\n', 'list', OPTIONS)).toEqual([
      { files: ['a', 'b'], options: ['--layout', 'l', '--vmlinux', 'v w'] },
    ]);
  });

  test.each([
    ["a\n'b", /list, line 2: a quote is not closed/],
    ['a\n\nb --layout', /list, line 3: --layout needs a value/],
    ['--layout x', /a line has options, but no file/],
    ["''", /list, line 1: a file has an empty name/],
    ['a --guest b', /'--guest' is not an option of a line/],
  ])('%j is refused', (text, message) => {
    expect(() => entriesOf(text, 'list', OPTIONS)).toThrow(message);
  });

  test('names that NUL bytes end', () => {
    expect(entriesOfNames('a b\n\0c\0\0')).toEqual([
      { files: ['a b\n'], options: [] },
      { files: ['c'], options: [] },
    ]);
  });
});

test('each entry is in one shard', () => {
  const entries = Array.from({ length: 10 }, (_, i) => i);
  const shards = [1, 2, 3].map((index) => shardOf(entries, { index, count: 3 }));
  expect(shards.flat().sort((a, b) => a - b)).toEqual(entries);
  expect(shards.map((shard) => shard.length)).toEqual([4, 3, 3]);
});
