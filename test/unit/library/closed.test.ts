// SPDX-License-Identifier: Apache-2.0
// A dump that was closed: nothing made from it answers, not even from pages that were read before.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  Dump,
  Image,
  openDump,
  openImage,
  Physical,
  Rows,
  Space,
  Translator,
  UsageError,
  Vm,
} from '../../../src/index.js';
import { DUMP } from '../../build/alpha.js';
import { elfCore } from '../../build/files.js';
import { scratch } from '../../build/scratch.js';

const { folder, file } = scratch('closed');
const GPA = 0x1001840n;

/** Calls of every method, on objects that have answered before. */
async function calls(): Promise<{ dump: Dump; all: Readonly<Record<string, () => unknown>> }> {
  const dump = await openDump(DUMP);
  const vm = dump.vm(136);
  const [space, translator, rows, { physical }] = [vm.space(), vm.translator(), vm.slots(), dump];
  const all = {
    'Dump.vms': () => dump.vms(),
    'Dump.slots': () => dump.slots(),
    'Dump.vcpus': () => dump.vcpus(),
    'Dump.pages': () => dump.pages(0x1001000n),
    'Dump.owners': () => dump.owners(0x1001000n),
    'Dump.vm': () => dump.vm(136),
    'Dump.rows': () => dump.rows('slots'),
    'Vm.slots': () => vm.slots(),
    'Vm.translate': () => vm.translate(GPA),
    'Vm.translator': () => vm.translator(),
    'Vm.space': () => vm.space(),
    'Space.runs': () => space.runs(),
    'Space.read': () => space.read(GPA, 1),
    'Translator.translate': () => translator.translate(0x1001),
    'Translator.answer': () => translator.answer(),
    'Rows.[Symbol.iterator]': () => [...rows],
    'Physical.read': () => physical.read(0x18e47f0, 8),
  };
  return { dump, all };
}

/** The methods of a class; those that close it and the getters are not among them. */
const methodsOf = (type: { readonly name: string; readonly prototype: object }): string[] =>
  Reflect.ownKeys(type.prototype)
    .filter((key) => !['constructor', 'close', Symbol.dispose].includes(key))
    .filter((key) => Object.getOwnPropertyDescriptor(type.prototype, key)?.get === undefined)
    .map((key) => `${type.name}.${typeof key === 'symbol' ? `[${key.description ?? ''}]` : key}`);

test('every method answers before, and throws UsageError afterwards', async () => {
  const { dump, all } = await calls();
  expect(Object.keys(all).sort()).toEqual(
    [Dump, Vm, Space, Translator, Rows, Physical, Image].flatMap(methodsOf).sort(),
  );
  for (const call of Object.values(all)) call();
  dump.close();
  dump.close();
  for (const [name, call] of Object.entries(all))
    expect(() => [name, call()]).toThrow(
      expect.objectContaining({ name: 'UsageError', message: 'the dump was closed' }),
    );
});

describe('an iteration that has begun', () => {
  test.each<[string, (dump: Dump) => Iterable<unknown>]>([
    ['rows of a command', (dump) => dump.slots({ process: 136 })],
    ['slots of a VM', (dump) => dump.vm(136).slots()],
    ['runs', (dump) => dump.vm(136).space().runs()],
    [
      'bytes of a guest',
      (dump) =>
        dump
          .vm(136)
          .space()
          .read(0, 2 ** 20),
    ],
    ['physical memory', (dump) => dump.physical.read(0x18e4000, 2 ** 20)],
  ])('ends with UsageError: %s', async (_name, iterate) => {
    const dump = await openDump(DUMP);
    const values = iterate(dump)[Symbol.iterator]();
    expect(values.next().done).toBe(false);
    dump.close();
    expect(() => values.next()).toThrow(UsageError);
  });
});

test('answers that were given before stay', async () => {
  const dump = await openDump(DUMP);
  const vm = dump.vm(136);
  const [answer, rows] = [vm.translate(GPA), [...vm.slots()]];
  const translator = vm.translator();
  translator.translate(0x1001);
  dump.close();
  expect(answer.hpa).toBe(0xf601840n);
  expect(rows.length).toBeGreaterThan(1);
  expect([vm.pid, vm.addressSpaces, translator.state, translator.frame]).toEqual([136, 2, 'mapped', 0xf601]);
});

test('an image is not read any more, also when the number of its descriptor is that of another file', async () => {
  const copy = join(folder, 'copy');
  copyFileSync(DUMP, copy);
  const image = await openImage(copy);
  const values = image.physical.read(0x18e4000, 2 ** 20);
  values.next();
  image.close();
  image.close();
  const other = await openImage(file(elfCore({ segments: [{ paddr: 0, bytes: new Uint8Array(0x100000) }] })));
  expect(() => image.physical.read(0x18e4000, 8)).toThrow(UsageError);
  expect(() => values.next()).toThrow(UsageError);
  other.close();
});

test('using closes at the end of the block', async () => {
  const calls: (() => unknown)[] = [];
  {
    using dump = await openDump(DUMP);
    using image = await openImage(DUMP);
    calls.push(
      () => dump.vm(136),
      () => image.physical.read(0, 1),
    );
    for (const call of calls) call();
  }
  for (const call of calls) expect(call).toThrow(UsageError);
});
