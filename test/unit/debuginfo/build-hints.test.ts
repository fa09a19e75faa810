// SPDX-License-Identifier: Apache-2.0
// For which dumps the record of a build is believed: the first type of a name can be lost in a damaged one.
import { beforeEach, expect, test } from '@jest/globals';
import { silentLog } from '../../../src/core/log.js';
import { BuildHints } from '../../../src/debuginfo/build-hints.js';
import { scratch } from '../../build/scratch.js';

const { folder } = scratch('build-hints');
const BUILD = { release: '6.1.0', version: '#1 SMP', buildId: 'abcd' };
let home = 0;
beforeEach(() => {
  process.env.XDG_CACHE_HOME = `${folder}/${home++}`;
  delete process.env.KVM_VTOP_CACHE;
});

/** What is known for a dump of a crash. */
const of = (crash: string, dump: string): BuildHints => BuildHints.of({ ...BUILD, crash }, dump) as BuildHints;

function learn(crash: string, dump: string, id: number): void {
  const hints = of(crash, dump);
  hints.learn('structures', 'kvm', id);
  hints.save(silentLog);
}

const idFor = (crash: string, dump: string): number | undefined => of(crash, dump).id('structures', 'kvm');

test('what one dump says is believed for it alone', () => {
  learn('monday', 'file', 7);
  expect(idFor('monday', 'file')).toBe(7);
  expect(of('monday', 'file').isEmpty).toBe(false);
  expect(idFor('tuesday', 'other file')).toBeUndefined();
  expect(of('tuesday', 'other file').isEmpty).toBe(true);
  expect(of('monday', 'file').id('enums', 'kvm')).toBeUndefined();
});

test('a copy of a dump, or the same file after a change, says nothing new', () => {
  learn('monday', 'file', 7);
  expect(idFor('monday', 'copy')).toBeUndefined();
  learn('monday', 'copy', 7);
  expect(idFor('monday', 'copy')).toBe(7);
  expect(idFor('tuesday', 'other file')).toBeUndefined();
});

test('what dumps of two crashes say is believed for all', () => {
  learn('monday', 'file', 7);
  learn('tuesday', 'other file', 7);
  for (const [crash, dump] of [
    ['monday', 'file'],
    ['monday', 'copy'],
    ['wednesday', 'third file'],
  ] as const)
    expect(idFor(crash, dump)).toBe(7);
});

test('if two dumps differ, the last is believed for itself', () => {
  learn('monday', 'file', 7);
  learn('tuesday', 'other file', 8);
  expect(idFor('monday', 'file')).toBeUndefined();
  expect(idFor('tuesday', 'other file')).toBe(8);
  expect(idFor('wednesday', 'third file')).toBeUndefined();
});

test('a dump that contradicts what two have said is believed for itself alone', () => {
  learn('monday', 'file', 7);
  learn('tuesday', 'other file', 7);
  learn('wednesday', 'damaged file', 9);
  expect(idFor('thursday', 'fourth file')).toBeUndefined();
  expect(idFor('wednesday', 'damaged file')).toBe(9);
});

test('places of symbols are used for all dumps of a build', () => {
  const hints = of('monday', 'file');
  hints.learnRank('_stext', 4711);
  hints.learn('structures', 'kvm', 7);
  expect(hints.rank('_stext')).toBe(4711);
  hints.save(silentLog);
  expect(of('tuesday', 'other file').rank('_stext')).toBe(4711);
  expect(of('tuesday', 'other file').rank('_etext')).toBeUndefined();
  expect(of('tuesday', 'other file').isEmpty).toBe(true);
  expect(of('tuesday', 'other file').hasNothing).toBe(false);
  expect(BuildHints.of({ ...BUILD, version: '#2 SMP', crash: 'monday' }, 'file')?.hasNothing).toBe(true);
});
