// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type Piece, writePieces } from '../../../src/write/pieces.js';
import { scratch } from '../../build/scratch.js';

test('late pieces come after the others, in their order; large ones too', async () => {
  const { folder } = scratch('pieces');
  const path = join(folder, 'page');
  const long = 'ü'.repeat(2 ** 20);
  const pieces = [{ text: 'a' }, { text: 'x', isLate: true }, { text: 'b' }, { text: long, isLate: true }];
  expect(await writePieces({ path, replace: false }, pieces)).toBe(3 + 2 ** 21);
  expect(readFileSync(path, 'utf8')).toBe(`abx${long}`);
  expect(readdirSync(folder)).toEqual(['page']);
});

test('if a piece cannot be made, there is no file, and an old one is as it was', async () => {
  const { folder, file } = scratch('pieces-failed');
  const old = file('old', 'old');
  const seen: string[][] = [];
  function* broken(): Generator<Piece> {
    yield { text: 'a' };
    yield { text: 'b', isLate: true };
    seen.push(readdirSync(folder));
    throw new Error('no more');
  }
  await expect(writePieces({ path: join(folder, 'new'), replace: false }, broken())).rejects.toThrow('no more');
  await expect(writePieces({ path: old, replace: true }, broken())).rejects.toThrow('no more');
  // While it is written, the file has another name, and that of the late pieces has none.
  expect(seen).toEqual([
    [expect.stringMatching(/^new\.partial-\d+$/), 'old'],
    ['old', expect.stringMatching(/^old\.partial-\d+$/)],
  ]);
  expect(readdirSync(folder)).toEqual(['old']);
  expect(readFileSync(old, 'utf8')).toBe('old');
});
