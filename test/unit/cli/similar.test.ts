// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { similarTo } from '../../../src/cli/similar.js';

const NAMES = ['vtop', 'vms', 'slots', 'map', 'phys', 'layout', 'excerpt', 'completion', 'help'];
const letter = fc.integer({ min: 0x61, max: 0x7a }).map((code) => String.fromCharCode(code));

/** A name after one slip of the fingers. */
const typo = fc
  .tuple(fc.constantFrom(...NAMES), fc.nat(), fc.constantFrom('add', 'drop', 'replace', 'swap'), letter)
  .map(([name, place, kind, other]) => {
    const at = place % name.length;
    const [before, here, rest] = [name.slice(0, at), name[at] ?? '', name.slice(at + 1)];
    if (kind === 'add') return { name, word: before + other + here + rest };
    if (kind === 'drop') return { name, word: before + rest };
    if (kind === 'replace') return { name, word: before + other + rest };
    return { name, word: before + rest.slice(0, 1) + here + rest.slice(1) };
  });

describe('the name that was meant', () => {
  test('is found after one slip, unless two names are as near', () => {
    fc.assert(
      fc.property(typo, ({ name, word }) => {
        expect(similarTo(word, [name])).toBe(name);
        expect(similarTo(word, NAMES)).not.toBeNull();
      }),
    );
  });

  test.each([
    ['vmss', 'vms'],
    ['slot', 'slots'],
    ['exceprt', 'excerpt'],
    ['complete', 'completion'],
    ['nosuch', null],
    ['qemu', null],
    ['translate', null],
    ['', null],
  ])('%s: %s', (word, meant) => {
    expect(similarTo(word, NAMES)).toBe(meant);
  });
});
