// SPDX-License-Identifier: Apache-2.0
// The kernel's table of the names of page flags, in the layout of all kernels so far, and in others.
import { expect, test } from '@jest/globals';
import type { Host } from '../../../src/kernel/host.js';
import { flagNames } from '../../../src/kernel/page.js';
import { Symbols } from '../../../src/symbols/cache.js';
import { LayoutTypes } from '../../build/containers.js';
import { FlatMemory } from '../../build/flat-memory.js';

const FLAGS = ['locked', 'waiters', 'reserved'];

/** The names in a table whose entries have these members. `types`: whether the types describe them. */
function namesIn(members: readonly ('mask' | 'name' | 'other' | 'zero' | 'zero2')[], types = true) {
  const memory = new FlatMemory(8 * 4096);
  const table = memory.allocate(FLAGS.length * members.length * 8 + 64);
  const another = memory.allocate(64);
  memory.bytes.write('something', memory.offsetOf(another), 'latin1');
  for (const [i, flag] of FLAGS.entries()) {
    const name = memory.allocate(64);
    memory.bytes.write(flag, memory.offsetOf(name), 'latin1');
    const values = { mask: 1n << BigInt(i), name, other: another, zero: 0n, zero2: 0n };
    for (const [word, member] of members.entries())
      memory.bytes.writeBigUInt64LE(values[member], memory.offsetOf(table) + (i * members.length + word) * 8);
  }
  const symbols = new Symbols({
    source: 'test',
    find: (name) => (name === 'pageflag_names' ? table : null),
    next: () => null,
  });
  const text = types ? `trace_print_flags {\n${members.map((member) => `u64 ${member}\n`).join('')}}` : '';
  const host = {
    memory,
    symbols,
    types: new LayoutTypes(`${text}\nenum pageflags { PG_own=0, __NR_PAGEFLAGS=1 }`),
  };
  return [...flagNames(host as unknown as Host)];
}

const EXPECTED = FLAGS.map((name, i) => [name, 1n << BigInt(i)]);

test('names of page flags are read wherever entries of the table have them', () => {
  expect(namesIn(['mask', 'name'])).toEqual(EXPECTED);
  expect(namesIn(['name', 'mask'])).toEqual(EXPECTED);
  expect(namesIn(['mask', 'other', 'name'])).toEqual(EXPECTED);
  // As the usual table, these have one entry.
  expect(namesIn(['mask', 'other', 'name', 'zero'])).toEqual(EXPECTED);
  expect(namesIn(['mask', 'name', 'zero', 'zero2'])).toEqual(EXPECTED);
});

test('the usual table needs no types; another one is not used without them', () => {
  expect(namesIn(['mask', 'name'], false)).toEqual(EXPECTED);
  expect(namesIn(['name', 'mask'], false)).toEqual([['own', 1n]]);
});
