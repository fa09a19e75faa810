// SPDX-License-Identifier: Apache-2.0
// The symbol table of a module, in the order in which the kernel writes it, and in others.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LazyBytes } from '../../../src/core/lazy-bytes.js';
import { ModuleSymbols } from '../../../src/symbols/module-symbols.js';
import { bytesOf, orError } from '../../build/damage.js';
import { FlatMemory } from '../../build/flat-memory.js';

/** Few names, so that some are repeated, and some end as others do. */
const NAME = fc.constantFrom('vm_list', 'kvm_vm_list', 'kvm', 'kvm_vm_fops', 'a'.repeat(500), 'list', '__pfx_kvm');
/** A symbol: its name, whether it shares the end of the name before it, and whether the names of both change places. */
const SYMBOL = fc.record({ name: NAME, shares: fc.boolean(), before: fc.boolean() });

/** The table and its strings. The address of each symbol is its number. */
function written(symbols: readonly { readonly name: string; readonly shares: boolean; readonly before: boolean }[]) {
  const places: number[] = [];
  let strings = '\0';
  for (const { name, shares, before } of symbols) {
    const shared = shares ? strings.lastIndexOf(`${name}\0`) : -1;
    places.push(shared > 0 ? shared : strings.length);
    if (before) places.splice(-2, 2, ...places.slice(-2).reverse());
    if (shared <= 0) strings += `${name}\0`;
  }
  const table = Buffer.alloc(24 * symbols.length);
  for (const [i, place] of places.entries()) {
    table.writeUInt32LE(place, 24 * i);
    table.writeBigUInt64LE(BigInt(i), 24 * i + 8);
  }
  const nameAt = (place: number): string => strings.slice(place, strings.indexOf('\0', place));
  return { table, strings, names: places.map(nameAt) };
}

const namesIn = (memory: FlatMemory, start: bigint) => (length: number) => LazyBytes.of(memory, start, length, 'names');

test('a name has the address of a symbol that has it, the first in the order of the kernel, or none if it is absent', () => {
  fc.assert(
    fc.property(fc.array(SYMBOL, { maxLength: 12 }), NAME, fc.array(fc.nat(9)), (symbols, wanted, missing) => {
      const { table, strings, names } = written(symbols);
      const memory = new FlatMemory(40 * 4096);
      const start = memory.allocate(strings.length + 512, 1) + 5n;
      memory.bytes.write(strings, memory.offsetOf(start), 'latin1');
      const find = (): bigint | null => new ModuleSymbols('kvm', bytesOf(table), namesIn(memory, start)).find(wanted);
      const all = names.flatMap((name, i) => (name === wanted ? [BigInt(i)] : []));
      // The kernel neither sorts the symbols nor shares the ends of names.
      const right = symbols.some(({ shares, before }) => shares || before) ? all : all.slice(0, 1);
      expect(right.length === 0 ? [null] : right).toContain(find());
      for (const page of missing) memory.missing.add(page);
      expect([...right, null]).toContain(orError(find));
    }),
    { numRuns: 2000 },
  );
});

test('is found if the bytes after the last name are missing in the dump', () => {
  const memory = new FlatMemory(2 * 4096);
  const strings = '\0kvm_vm_fops\0vm_list\0';
  const start = memory.base + BigInt(4096 - strings.length);
  memory.bytes.write(strings, memory.offsetOf(start), 'latin1');
  memory.missing.add(1);
  const table = Buffer.alloc(2 * 24);
  for (const [i, name] of ['kvm_vm_fops', 'vm_list'].entries()) {
    table.writeUInt32LE(strings.indexOf(name), 24 * i);
    table.writeBigUInt64LE(BigInt(100 + i), 24 * i + 8);
  }
  const symbols = new ModuleSymbols('kvm', bytesOf(table), namesIn(memory, start));
  expect(['kvm_vm_fops', 'vm_list', 'absent'].map((name) => symbols.find(name))).toEqual([100n, 101n, null]);
});
