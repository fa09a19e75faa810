// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { isOfSystem, reasonOf } from '../../../src/io/system-error.js';

/** An error as Node.js throws it. */
const failed = (errno: number) =>
  Object.assign(new Error(`E: what libuv says, open '/x'`), { errno: -errno, code: 'E', syscall: 'open' });

describe('an error of the operating system in words', () => {
  test.each([
    ['EACCES', 'permission denied'],
    ['ENOSPC', 'no space left on device'],
    ['ENOTDIR', 'not a directory'],
    ['EROFS', 'read-only file system'],
    ['EIO', 'input/output error'],
    ['EDQUOT', 'disk quota exceeded'],
  ])('%s', (name, words) => {
    expect(reasonOf(failed((constants.errno as Record<string, number>)[name] ?? 0))).toBe(words);
  });

  test('for every error of this system, without the text of Node.js', () => {
    const numbers = Object.values(constants.errno);
    expect(numbers.length).toBeGreaterThan(50);
    for (const number of numbers) {
      const error = failed(number);
      expect(isOfSystem(error)).toBe(true);
      expect(reasonOf(error)).not.toContain(error.message);
      expect(reasonOf(error)).not.toContain('undefined');
    }
  });

  test('the caller can use other words', () => {
    expect(reasonOf(failed(constants.errno.ENOENT), { ENOENT: 'no such file' })).toBe('no such file');
  });
});
