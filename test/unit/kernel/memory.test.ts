// SPDX-License-Identifier: Apache-2.0
// What a processor may execute (AMD APM 2, 5.6.1 "No Execute (NX) Bit"): the bit counts in the entries of all levels.
import { expect, test } from '@jest/globals';
import { KernelMemory } from '../../../src/kernel/memory.js';
import { x86Form } from '../../../src/paging/form.js';
import { PageTables, PhysicalMemory, TABLE } from '../../build/memory.js';

const ADDRESS = 0xffffffff81000000n;
/** Shares only the entry of the highest level with it. */
const OTHER = 0xffffffffc0000000n;
const NX = 1n << 63n;

test.each<[string, number, readonly number[], boolean]>([
  ['a page of 4 KiB', 0, [], true],
  ['a page of 2 MiB', 1, [], true],
  ['NX in the PTE', 0, [0], false],
  ['NX in the PMD entry of a page of 2 MiB', 1, [1], false],
  ['NX above a page of 4 KiB', 0, [1], false],
  ['NX above a page of 2 MiB', 1, [3], false],
  ['NX everywhere', 0, [0, 1, 2, 3], false],
])('%s', (_, level, marked, executable) => {
  const memory = new PhysicalMemory();
  const tables = new PageTables(memory, 4);
  tables.map(ADDRESS, 0x200, level, TABLE);
  tables.map(OTHER, 0x400, level, TABLE);
  for (const each of marked) {
    const entry = tables.entry(ADDRESS, each);
    memory.writeU64(entry, memory.readU64(entry) | NX);
  }
  const view = new KernelMemory(memory, x86Form(4), tables.root);
  expect(view.isExecutable(ADDRESS + 0x123n)).toBe(executable);
  expect(view.isExecutable(OTHER)).toBe(!marked.includes(3));
});

test('what is not mapped is not executable', () => {
  const memory = new PhysicalMemory();
  const view = new KernelMemory(memory, x86Form(4), new PageTables(memory, 4).root);
  expect(view.isExecutable(ADDRESS)).toBe(false);
});
