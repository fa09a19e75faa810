// SPDX-License-Identifier: Apache-2.0
// Whether the state of files tells that nobody has written to them.
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { FileStates } from '../../../src/io/file-state.js';
import { scratch } from '../../build/scratch.js';

const { file, folder } = scratch('file-state');

test('files are in the same state until one is written to, replaced or removed', () => {
  const [one, other] = [file('one'), file('other')];
  const changes: readonly (() => void)[] = [
    () => {
      appendFileSync(one, 'more');
    },
    () => {
      rmSync(other);
      writeFileSync(other, 'other');
    },
    () => {
      rmSync(one);
    },
  ];
  for (const change of changes) {
    const states = new FileStates([one, other]);
    expect(states.areSame).toBe(true);
    change();
    expect(states.areSame).toBe(false);
  }
});

test('what was written just now, or is not a file, can be written to without another state', async () => {
  const path = file('text');
  expect(new FileStates([path]).areTelling).toBe(false);
  mkdirSync(join(folder, 'sub'));
  await new Promise((resolve) => setTimeout(resolve, 2100));
  expect(new FileStates([path]).areTelling).toBe(true);
  expect(new FileStates([path, file('new')]).areTelling).toBe(false);
  const removed = new FileStates([path]);
  for (const other of ['/dev/null', '/proc/self', join(folder, 'sub')])
    expect(new FileStates([path, other]).areTelling).toBe(false);
  rmSync(path);
  expect(removed.areTelling).toBe(false);
});
