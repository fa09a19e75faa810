// SPDX-License-Identifier: Apache-2.0
// Ranges that map is asked for: none on standard input, those without memslots, those above all addresses.
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { scratch } from '../build/scratch.js';
import { FIXTURES, kvmVtop } from '../run.js';

const DUMP = join(FIXTURES, 'debian-6.12-map', 'vmcore.kdump');
const { folder } = scratch('map-ranges');
/** The memory of this VM ends at 0x9000000. */
const ask = (words: readonly string[], input = '') =>
  kvmVtop(['map', '-c', DUMP, '-g', '195', '--summary', '--json', ...words], input);
const none = (range: string) => `kvm-vtop: no memslot has guest physical addresses ${range}\n`;

test('standard input without ranges is not a question about all memory', () => {
  const message = { status: 2, stdout: '' };
  expect(ask(['-p', '-'])).toEqual({ ...message, stderr: 'kvm-vtop: standard input has no ranges\n' });
  const excerpt = ['excerpt', '-c', DUMP, '-o', join(folder, 'none'), '--', 'map', '-g', '195', '-p', '-'];
  expect(kvmVtop(excerpt)).toEqual({
    ...message,
    stderr: 'kvm-vtop: standard input is empty: ranges of guest physical addresses are missing\n',
  });
});

test.each([
  ['alone', ['9000000+1000'], 0],
  ['beside one that has', ['9000000+1000', '8fff000+1000'], 4096],
  ['after one that includes it', ['8fff000+2000', '9000000+1000'], 4096],
])('a range without memslots is reported, %s', (_name, words, bytes) => {
  const { status, stdout, stderr } = ask(words);
  expect([status, stderr]).toEqual([1, none('0x9000000-0x9000fff')]);
  expect(JSON.parse(stdout)).toMatchObject({ bytes, complete: true });
});

test.each([
  ['10000000000000', '0x10000000000000-0x10000000000fff'],
  ['ffffffffffffffff', '0xfffffffffffff000-0xffffffffffffffff'],
  ['20000000000000000', '0x20000000000000000-0x20000000000000fff'],
  ['ffffffffffffffffffffff', '0xfffffffffffffffffff000-0xffffffffffffffffffffff'],
])('so is one above all addresses: %s', (word, range) => {
  const { status, stderr } = ask([word]);
  expect([status, stderr]).toEqual([1, none(range)]);
});

test('a range up to far above all addresses has the memory below', () => {
  const { status, stdout, stderr } = ask(['8fff000-ffffffffffffffffffffff', '-p', '20000000000000000']);
  expect([status, stderr]).toEqual([1, none('0x20000000000000000-0x20000000000000fff')]);
  expect((JSON.parse(stdout) as { bytes: number }).bytes).toBeGreaterThan(4096);
});

test('at most 20 of them are named', () => {
  const { stderr } = ask(
    ['-'],
    Array.from({ length: 30 }, (_, i) => `9${i.toString(16).padStart(3, '0')}000\n`).join(''),
  );
  expect(stderr.split('\n').slice(20)).toEqual([
    'kvm-vtop: 10 similar messages are not shown; slots lists all memslots',
    '',
  ]);
});
