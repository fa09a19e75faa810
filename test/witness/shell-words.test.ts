// SPDX-License-Identifier: Apache-2.0
// Command lines and lists are split into words as sh splits them.
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { shellWords } from '../../src/scan/entries.js';

test('words are those of sh', () => {
  const piece = fc.constantFrom(
    'a',
    'b ',
    ' ',
    "'x y'",
    '"p q"',
    "''",
    '\\ ',
    '\\\\',
    '"\\""',
    '"\\a"',
    '#',
    "'#'",
    '\t',
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
      const text = pieces.join('');
      const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' x ${text}\n`], { encoding: 'utf8' });
      expect(shellWords(text, 'words')).toEqual(stdout.split('\0').slice(1, -1));
    }),
    { numRuns: 150 },
  );
});
