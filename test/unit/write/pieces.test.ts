// SPDX-License-Identifier: Apache-2.0
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
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

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('a new file is private; one that is replaced keeps its permissions', async () => {
  const { folder, file } = scratch('pieces-mode');
  const fresh = join(folder, 'new');
  await writePieces({ path: fresh, replace: false }, [{ text: 'a' }]);
  expect(modeOf(fresh)).toBe('600');
  for (const mode of ['400', '644', '640']) {
    const old = file('old', `old-${mode}`);
    chmodSync(old, Number.parseInt(mode, 8));
    await writePieces({ path: old, replace: true }, [{ text: 'new' }]);
    expect([modeOf(old), readFileSync(old, 'utf8')]).toEqual([mode, 'new']);
  }
});

test.each(['written', 'not written'])('files with the names that it would use stay: %s', async (end) => {
  const { folder, file } = scratch('pieces-names');
  const names = ['page.partial-', 'page.partial-'].map((name, i) => `${name}${process.pid}${i === 0 ? '' : '.late'}`);
  for (const name of names) file('mine', name);
  const pieces = function* (): Generator<Piece> {
    yield { text: 'a' };
    if (end === 'not written') throw new Error('no more');
  };
  const done = writePieces({ path: join(folder, 'page'), replace: false }, pieces());
  await (end === 'written' ? done : expect(done).rejects.toThrow('no more'));
  expect(readdirSync(folder)).toEqual([...(end === 'written' ? ['page'] : []), ...names]);
  for (const name of names) expect(readFileSync(join(folder, name), 'utf8')).toBe('mine');
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
