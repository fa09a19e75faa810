// SPDX-License-Identifier: Apache-2.0
// What a program without types may pass: everything that is not an argument of its kind is a UsageError.
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openDump, openImage, UsageError } from '../../../src/index.js';
import { DUMP } from '../../build/alpha.js';
import { FIXTURES } from '../../run.js';

const opened = openDump(DUMP);

/** Values that no conversion may turn into a number. */
const VALUES: readonly unknown[] = [
  ...['1000', '0x1000', 'abc', '', null, true],
  ...[{}, [4096], new Date(0), Symbol('a'), () => 1],
  ...[NaN, Infinity, -1, 0.5, 2 ** 53],
];

const text = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value));

describe('an address or a length', () => {
  test.each(VALUES.map((value) => [text(value), value]))('%s', async (_text, value) => {
    const dump = await opened;
    const vm = dump.vm(136);
    const wrong = value as number;
    const calls: Readonly<Record<string, () => unknown>> = {
      translate: () => vm.translate(wrong),
      translator: () => vm.translator().translate(wrong),
      'runs from': () => vm.space().runs(wrong),
      'runs to': () => vm.space().runs(0, wrong),
      'read from': () => vm.space().read(wrong, 1),
      'read length': () => vm.space().read(0, wrong),
      'physical from': () => dump.physical.read(wrong, 1),
      'physical length': () => dump.physical.read(0, wrong),
      'address space of translate': () => vm.translate(0, wrong),
      'address space of translator': () => vm.translator(wrong),
      'address space of slots': () => vm.slots(wrong),
      'address space of space': () => vm.space(wrong),
    };
    for (const [name, call] of Object.entries(calls)) {
      expect(() => [name, call()]).toThrow(UsageError);
      // The value is in the message, unless it is not to be shown.
      if (typeof value !== 'object' && typeof value !== 'symbol' && typeof value !== 'function')
        expect(() => [name, call()]).toThrow(text(value));
    }
  });

  test('a bigint is an address, and neither a length nor a frame', async () => {
    const vm = (await opened).vm(136);
    expect(vm.translate(0x1001840n).hpa).toBe(0xf601840n);
    expect(() => vm.space().read(0n, 1n as unknown as number)).toThrow('1 is not a length');
    expect(() => vm.translator().translate(1n as unknown as number)).toThrow('1 is not a frame number');
  });
});

describe('a process, a VM, options', () => {
  test.each([[true], [{}], [[136]], [Symbol('a')], [NaN], [-1], [0.5], [-1n]])('%p', async (value) => {
    const dump = await opened;
    const wrong = value as number;
    for (const call of [
      () => dump.vm(wrong),
      () => dump.vm(136, { vm: wrong }),
      () => dump.vms({ process: wrong }),
      () => dump.slots({ vm: wrong }),
    ])
      expect(call).toThrow(UsageError);
  });

  // Without a check the options of these calls would be ignored, and all VMs listed.
  test.each([['alpha'], [136], [136n], [null], [true]])('options %p', async (value) => {
    const dump = await opened;
    const wrong = value as unknown as object;
    for (const call of [
      () => dump.vms(wrong),
      () => dump.slots(wrong),
      () => dump.rows('vms', wrong),
      () => dump.vm(136, wrong),
    ])
      expect(call).toThrow('options must be an object');
  });
});

describe('the name of a command', () => {
  test.each([['slot'], [''], ['toString'], ['vtop'], [undefined], [1]])('%p', async (name) => {
    const dump = await opened;
    expect(() => dump.rows(name as 'slots')).toThrow(
      /is not the name of a command with rows; valid: vms, slots, vcpus$/,
    );
    expect(() => dump.rows(name as 'slots')).toThrow(UsageError);
  });
});

describe('paths', () => {
  test.each<[unknown, string]>([
    ['', 'the path of a file is empty'],
    [['', ''], 'the path of a file is empty'],
    [[], 'no file of a dump was given'],
    [undefined, 'undefined is not the path of a file'],
    [[DUMP, undefined], 'undefined is not the path of a file'],
    [null, 'null is not the path of a file'],
    [5, '5 is not the path of a file'],
    [{}, 'a value of type object is not the path of a file'],
  ])('%p', async (paths, message) => {
    for (const open of [openDump, openImage]) {
      const failed = open(paths as string);
      await expect(failed).rejects.toBeInstanceOf(UsageError);
      await expect(failed).rejects.toThrow(message);
    }
  });

  test('of a file beside the dump', async () => {
    await expect(openDump(DUMP, { beside: { vmcoreinfo: '' } })).rejects.toThrow('the path of a file is empty');
  });
});

describe('the choices of a UsageError', () => {
  test('are the VMs of the dump, where one must be selected', async () => {
    const dump = await openDump(join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump'));
    // One entry for each process, as several VMs can be one process's.
    const known = [...new Set([...dump.vms()].map(({ pid, name }) => `${pid} (${name === null ? '' : `'${name}', `}`))];
    expect(known.length).toBeGreaterThan(3);
    for (const select of [() => dump.vm(), () => dump.vm('alhpa'), () => dump.vm(null, { vm: 1n })]) {
      let error: unknown = null;
      try {
        select();
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(UsageError);
      const { choices, message } = error as UsageError;
      expect(choices).toHaveLength(known.length);
      for (const start of known) expect(choices.filter((entry) => entry.startsWith(start))).toHaveLength(1);
      expect(message).toContain(`VMs: ${choices.join(', ')}`);
    }
  });
});
