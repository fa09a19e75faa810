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

describe('an option that does not exist, or with a value that it can not have', () => {
  test.each<[string, object, string]>([
    ['a name that is misspelt', { proces: 136 }, "'proces' is not the name of an option; valid: process, vm"],
    ['an option of another function', { adressSpace: 1 }, "'adressSpace' is not the name of an option; valid: process"],
    ['a name that every object has', { toString: 1 }, "'toString' is not the name of an option; valid: process, vm"],
    ['an array', [136], 'options must be an object, not an array'],
  ])('%s', async (_name, options, message) => {
    const dump = await opened;
    for (const call of [
      () => dump.vms(options),
      () => dump.slots(options),
      () => dump.vcpus(options),
      () => dump.rows('vms', options),
    ])
      expect(call).toThrow(expect.objectContaining({ name: 'UsageError', message: expect.stringMatching(message) }));
  });

  test('of one VM', async () => {
    const dump = await opened;
    const wrong = { addressSpace: 1 } as object;
    expect(() => dump.vm(136, wrong)).toThrow("'addressSpace' is not the name of an option; valid: vm");
  });

  test.each([['yes'], [1], [null]])('sizes: %p', async (value) => {
    const dump = await opened;
    const wrong = { sizes: value as unknown as boolean };
    expect(() => dump.slots(wrong)).toThrow(`option 'sizes' must be true or false, not ${text(value)}`);
    expect(() => dump.vms(wrong as object)).toThrow("'sizes' is not the name of an option; valid: process, vm");
  });

  test.each<[object, string]>([
    [{ need: 'host' }, "'need' is not the name of an option; valid: log, inputFormat, guests, beside, needs"],
    [{ needs: 'hosts' }, "option 'needs' must be one of host, kvm, vcpus, owners, log, not 'hosts'"],
    [{ needs: null }, "option 'needs' must be one of host, kvm, vcpus, owners, log, not null"],
    [{ needs: 'toString' }, "option 'needs' must be one of host, kvm, vcpus, owners, log, not 'toString'"],
    [{ beside: '/lib/debug' }, "option 'beside' must be an object, not '/lib/debug'"],
    [{ beside: { debugDir: [] } }, "'beside.debugDir' is not the name of an option; valid: typesFrom, vmlinux, "],
    [{ beside: { debugDirs: '/lib' } }, "option 'beside.debugDirs' must be an array of texts, not '/lib'"],
    [{ beside: { debugDirs: [1] } }, "option 'beside.debugDirs' must be an array of texts, not a value of type object"],
    // It would have opened a socket.
    [{ beside: { debuginfod: 'false' } }, "option 'beside.debuginfod' must be true or false, not 'false'"],
    [{ beside: { vmlinux: 5 } }, "option 'beside.vmlinux' must be a text or null, not 5"],
  ])('openDump(…, %j)', async (options, message) => {
    const failed = openDump(DUMP, options);
    await expect(failed).rejects.toBeInstanceOf(UsageError);
    await expect(failed).rejects.toThrow(message);
  });

  test.each<[object, string]>([
    [{ format: 'raw' }, "'format' is not the name of an option; valid: log, inputFormat"],
    [{ inputFormat: 'Raw' }, "option 'inputFormat' must be one of auto, raw, lime, not 'Raw'"],
    [{ log: console }, "option 'log' must be an object with the functions warn, note, found, step, stepAsync, tick"],
    [null as unknown as object, 'options must be an object, not null'],
  ])('openImage(…, %j) and openDump', async (options, message) => {
    for (const open of [openDump, openImage]) await expect(open(DUMP, options)).rejects.toThrow(message);
  });

  test('undefined is as if an option were absent', async () => {
    const options = { log: undefined, needs: undefined, beside: undefined } as object;
    const dump = await openDump(DUMP, options);
    const which = { process: 136, vm: undefined, sizes: undefined } as object;
    const rows = [...dump.slots(which)];
    expect(rows.length).toBeGreaterThan(0);
    for (const { resident } of rows) expect(resident).toBeNull();
    dump.close();
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
