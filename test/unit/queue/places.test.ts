// SPDX-License-Identifier: Apache-2.0
// Where a path leads, and where a server is.
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { redisAddress } from '../../../src/queue/address.js';
import { isInside } from '../../../src/queue/inside.js';
import { scratch } from '../../build/scratch.js';

describe('whether a path leads into a folder', () => {
  const folder = realpathSync(scratch('inside').folder);
  const [root, other] = [join(folder, 'root'), join(folder, 'root2')];
  for (const path of [root, other, join(root, 'inner')]) mkdirSync(path);
  writeFileSync(join(root, 'file'), '');
  writeFileSync(join(other, 'file'), '');
  symlinkSync(join(other, 'file'), join(root, 'out'));
  symlinkSync('file', join(root, 'in'));
  symlinkSync(root, join(other, 'back'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('gone', join(root, 'gone-link'));
  symlinkSync('..', join(root, 'up'));

  test.each([
    ['a file', 'root/file', true],
    ['the folder itself', 'root', true],
    ['a file that does not exist', 'root/inner/absent', true],
    ['a file in a folder that does not exist', 'root/a/b/c', true],
    ['a link to a file inside', 'root/in', true],
    ['a link from outside', 'root2/back/file', true],
    ['a link to a file outside', 'root/out', false],
    ['a folder whose name begins the same', 'root2/file', false],
    ['a file that does not exist beyond a link', 'root/up/absent', false],
    ['a link that leads nowhere', 'root/gone-link', false],
    ['a file beyond a link that leads nowhere', 'root/gone-link/x', false],
    ['a link to itself', 'root/loop', false],
    ['a file below a file', 'root/file/x', false],
  ])('%s', async (_name, path, expected) => {
    expect(await isInside(join(folder, path), [root])).toBe(expected);
    expect(await isInside(join(folder, path), [join(folder, 'none'), root])).toBe(expected);
  });

  test('all is in the root of the file system', async () => {
    expect(await isInside('/etc', ['/'])).toBe(true);
  });
});

describe('URLs of servers', () => {
  test.each([
    ['redis://localhost', { host: 'localhost', port: 6379, db: 0, isTls: false, shown: 'redis://localhost:6379' }],
    ['rediss://host:1/2', { host: 'host', port: 1, db: 2, isTls: true, shown: 'rediss://host:1' }],
    ['redis://[::1]:7', { host: '::1', port: 7, shown: 'redis://[::1]:7' }],
    ['redis://user:p%40ss@h/', { username: 'user', password: 'p@ss', db: 0, shown: 'redis://h:6379' }],
    ['redis://:pass@h', { username: null, password: 'pass' }],
  ])('%s', (url, expected) => {
    expect(redisAddress(url)).toMatchObject(expected);
  });

  test.each([
    '',
    'localhost',
    'redis:',
    'redis://',
    'http://h',
    'redis://h/x',
    'redis://h/1/2',
    'redis://h?x=1',
    'redis://h#x',
    'redis://h:99999',
    'redis://:%ff@h',
  ])('%j is none', (url) => {
    expect(redisAddress(url)).toBe(null);
  });
});
