// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { commonFolder } from '../../../src/report-page/paths.js';
import { isFound, wordsOf } from '../../../src/report-page/query.js';

describe('the folder that is left out', () => {
  test.each([
    [[], ''],
    [['/var/crash/a/vmcore', '/var/crash/ab/vmcore'], '/var/crash/'],
    [['/var/crash/vmcore'], '/var/crash/'],
    [['/a/x', '/b/x'], ''],
    [['/a/x', 'x'], ''],
    [['a/x', 'a/y'], 'a/'],
    [['a', 'b'], ''],
  ])('of %j is %j', (paths, folder) => {
    expect(commonFolder(paths)).toBe(folder);
  });

  test('every path begins with it, and it ends in a slash', () => {
    const path = fc.array(fc.constantFrom('/', 'a', 'b', 'ab'), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(path, { maxLength: 5 }), (paths) => {
        const folder = commonFolder(paths);
        expect(paths.every((each) => each.startsWith(folder))).toBe(true);
        expect(folder === '' || (folder.endsWith('/') && folder !== '/')).toBe(true);
      }),
    );
  });
});

test('a search needs all words, in any order', () => {
  expect(wordsOf('  Two  words\u00a0')).toEqual(['two', 'words']);
  expect(isFound('words, two of them', wordsOf('Two words'))).toBe(true);
  expect(isFound('one of them', wordsOf('Two words'))).toBe(false);
  expect(isFound('anything', wordsOf(' '))).toBe(true);
});
