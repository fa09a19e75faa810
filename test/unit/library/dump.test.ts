// SPDX-License-Identifier: Apache-2.0
// A dump as an object: its VMs and their rows, its bytes.
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { perform } from '../../../src/commands/perform.js';
import { slots } from '../../../src/commands/slots.js';
import { vcpus } from '../../../src/commands/vcpus.js';
import { vms } from '../../../src/commands/vms.js';
import type { FrameSource } from '../../../src/core/memory.js';
import type { DumpImage } from '../../../src/dump/image.js';
import {
  Dump,
  DumpError,
  openDump,
  openImage,
  type PhysicalRange,
  type SlotRow,
  silentLog,
  UsageError,
  type VmRow,
} from '../../../src/index.js';
import { openDump as openHost } from '../../../src/open.js';
import { DUMP } from '../../build/alpha.js';
import { kept } from '../../build/altered.js';
import { elfCore } from '../../build/files.js';
import { scratch } from '../../build/scratch.js';
import { FIXTURES } from '../../run.js';

const { folder, file } = scratch('library');
const VMS = join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump');

/** Members of segments, which are numbers in rows and hexadecimal in JSON. */
const IN_HEX = ['selector', 'limit', 'attributes'];

/** Rows in the form that --json prints. */
const asJson = (record: string, rows: readonly object[]): unknown =>
  JSON.parse(
    JSON.stringify(
      rows.map((row) => ({ record, ...row })),
      (key, value: unknown) =>
        typeof value === 'bigint' || (typeof value === 'number' && IN_HEX.includes(key))
          ? `0x${value.toString(16)}`
          : value,
    ),
  );

/** The dump with several VMs, without one of its frames; the frames that are read after opening, and the warnings. */
async function withoutFrame(hidden: number | null) {
  let [read, isOpen] = [new Set<number>(), false];
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (text: string) => warnings.push(text) };
  const watch = (image: DumpImage): FrameSource => ({
    frame(frame) {
      read.add(frame);
      return isOpen && frame === hidden ? null : image.frame(frame);
    },
    why: (frame) => (frame === hidden ? { reason: 'excluded', message: 'hidden' } : image.why(frame)),
    limit: image.limit,
  });
  const dump = Dump.of(await openHost(VMS, { watch, log }));
  [read, isOpen] = [new Set(), true];
  return { dump, warnings, read: () => read };
}

const withoutPid = (row: SlotRow): SlotRow => ({ ...row, pid: null });

/** The lines of a command's --json. */
async function lines(command: typeof vms, process: string | null): Promise<unknown[]> {
  const streams = kept();
  const { close, ...opened } = await openHost(VMS);
  const request = { command, values: { process, vm: null }, words: [], inner: [] };
  await perform(request, opened, 'json', streams).finally(close);
  return streams.out
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

describe('rows', () => {
  test.each([null, '180'])('of vms, slots and vcpus are what the commands print of process %s', async (process) => {
    const dump = await openDump(VMS);
    expect(asJson('vm', [...dump.vms({ process })])).toEqual(await lines(vms, process));
    expect(asJson('slot', [...dump.slots({ process })])).toEqual(await lines(slots, process));
    expect(asJson('vcpu', [...dump.vcpus({ process })])).toEqual(await lines(vcpus, process));
    expect([...dump.rows('slots', { process })]).toEqual([...dump.slots({ process })]);
  });

  test("of a VM's slots are those of its address space", async () => {
    const dump = await openDump(VMS);
    const vm = dump.vm(147);
    const all = [...dump.slots({ vm: vm.kvm })];
    const own = Array.from({ length: vm.addressSpaces }, (_, space) => [...vm.slots(space)]);
    expect(own.flat()).toEqual(all);
    expect(own.map(({ length }) => length > 0)).toEqual([true, true]);
  });

  test('report at their end whether they are complete, and can be iterated again', async () => {
    const rows = (await openDump(VMS)).vms();
    expect(rows.isWhole).toBeNull();
    for (const row of rows) {
      expect(row.kvm).toBeGreaterThan(0n);
      break;
    }
    expect(rows.isWhole).toBeNull();
    expect([...rows]).toEqual([...rows]);
    expect([rows.isWhole, rows.problems]).toEqual([true, []]);
  });

  test('name what could not be read of them', async () => {
    const dump = await openDump(DUMP);
    const [row] = dump.vms({ process: 136 });
    expect(row?.problems.map((text) => text.slice(0, text.indexOf(':')))).toEqual([
      'holders',
      'arguments',
      'memslots of address space 1 may be missing',
    ]);
  });

  test('that lack something are never reported as complete, whichever page of the host is missing', async () => {
    const whole = await withoutFrame(null);
    const all = [...whole.dump.slots()];
    const read = [...whole.read()];
    let [missing, warned] = [0, 0];
    for (const hidden of read.filter((_, i) => i % Math.ceil(read.length / 60) === 0)) {
      const { dump, warnings } = await withoutFrame(hidden);
      const rows = dump.slots();
      try {
        const found = [...rows];
        // A process that can't be read is not named as the holder, and a warning says so.
        if (rows.isWhole === true) expect(found.map(withoutPid)).toEqual(all.map(withoutPid));
        else missing++;
        if (rows.problems.length > 0) warned++;
        else if (found.every(({ problems }) => problems.length === 0)) expect(found).toEqual(all);
        expect(rows.problems).toEqual(warnings);
      } catch (error) {
        if (!(error instanceof DumpError)) throw error;
      }
      dump.close();
    }
    expect(Math.min(missing, warned)).toBeGreaterThan(5);
  });

  test('of VMs: those that are whole have all VMs and all holders, whichever page of the host is missing', async () => {
    const about = ({ kvm, pid, creator, holders, memory, spaces, vcpus }: VmRow) => ({
      kvm,
      pid,
      creator,
      holders,
      memory,
      spaces,
      vcpus,
    });
    const whole = await withoutFrame(null);
    const all = [...whole.dump.vms()].map(about);
    expect(all.length).toBeGreaterThan(4);
    let missing = 0;
    const read = [...whole.read()];
    for (const hidden of read.filter((_, i) => i % Math.ceil(read.length / 90) === 0)) {
      const { dump } = await withoutFrame(hidden);
      const rows = dump.vms();
      try {
        const found = [...rows].map(about);
        if (rows.isWhole === true) expect({ hidden, found }).toEqual({ hidden, found: all });
        else missing++;
      } catch (error) {
        if (!(error instanceof DumpError)) throw error;
      }
      dump.close();
    }
    expect(missing).toBeGreaterThan(5);
  });

  test("that can't be made throw when they are iterated", async () => {
    const dump = await openDump(DUMP);
    const rows = dump.slots({ process: 99 });
    expect(() => [...rows]).toThrow(DumpError);
    expect(rows.isWhole).toBeNull();
  });
});

describe('a VM', () => {
  test.each([
    ['a pid', 147],
    ['a text with a pid', '147'],
    ["a guest's name", 'alpha'],
  ])('by %s', async (_name, process) => {
    const dump = await openDump(VMS);
    expect(dump.vm(process)).toMatchObject({ pid: 147, fd: 9 });
  });

  test('by the address of its struct kvm', async () => {
    const dump = await openDump(VMS);
    const { kvm } = dump.vm('beta');
    for (const vm of [kvm, `0x${kvm.toString(16)}`]) expect(dump.vm(null, { vm })).toMatchObject({ pid: 153, kvm });
  });

  test('of a process with several, by its descriptor', async () => {
    const dump = await openDump(VMS);
    expect(() => dump.vm(180)).toThrow(UsageError);
    const found = [...dump.vms({ process: 180 })].map(({ holders }) => holders[0]?.fd ?? NaN);
    expect(found).toHaveLength(2);
    for (const fd of found) expect(dump.vm(180, { vm: fd })).toMatchObject({ pid: 180, fd });
  });

  test.each([-1, 1.5, NaN, 2 ** 53])('a pid that is none: %s', async (process) => {
    const dump = await openDump(VMS);
    expect(() => dump.vm(process)).toThrow(`process ${process} is not a pid`);
    expect(() => [...dump.vms({ process })]).toThrow(UsageError);
    expect(() => dump.vm(147, { vm: process })).toThrow('is not the number of a file descriptor');
  });

  test('is not available from a host that was opened for other needs', async () => {
    const dump = await openDump(DUMP, { needs: 'host' });
    expect(dump.kernel.release).toBe('6.1.0-50-amd64');
    expect(() => dump.vm(136)).toThrow(UsageError);
  });
});

describe('physical memory', () => {
  const bytes = Uint8Array.from({ length: 0x3000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
  const path = file(elfCore({ segments: [{ paddr: 0x1000, bytes }] }));
  const bytesOf = ({ address, bytes: there, length }: PhysicalRange): (number | null)[] =>
    Array.from({ length }, (_, i) =>
      there === null ? null : ((bytes[Number(address) + i - 0x1000] === there[i] ? there[i] : NaN) ?? NaN),
    );

  test('is given exactly once, in order, and missing bytes are not replaced by others', async () => {
    const image = await openImage(path);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x6000 }), fc.integer({ min: 0, max: 0x6000 }), (address, length) => {
        const ranges = [...image.physical.read(address, length)];
        expect(ranges.flatMap(bytesOf)).toEqual(Array.from({ length }, (_, i) => bytes[address + i - 0x1000] ?? null));
        let next = BigInt(address);
        for (const range of ranges) {
          expect(range.address).toBe(next);
          expect(range.gap?.reason ?? null).toBe(range.bytes === null ? 'outside' : null);
          next += BigInt(range.length);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('is a copy: writing to it does not change the dump', async () => {
    const { physical } = await openImage(path);
    const [first] = physical.read(0x1000n, 16);
    const before = first?.bytes?.slice();
    first?.bytes?.fill(0xff);
    expect([...physical.read(0x1000, 16)][0]?.bytes).toEqual(before);
  });

  test.each([
    [-1, 1],
    [0.5, 1],
    [-1n, 1],
    [0, -1],
    [0, 1.5],
    [2n ** 53n, 1],
    [2 ** 53, 1],
    [0, Infinity],
  ])('%s, %s bytes: refused', async (address, length) => {
    const { physical } = await openImage(path);
    expect(() => [...physical.read(address, length)]).toThrow(UsageError);
  });

  test('of a host, and without its kernel', async () => {
    const [dump, image] = [await openDump(DUMP), await openImage(DUMP)];
    // The PGD entry of crash-vtop.txt: 18e47f0 => 44fe0067.
    for (const { physical } of [dump, image])
      expect([...physical.read(0x18e47f0n, 8)]).toEqual([
        { address: 0x18e47f0n, length: 8, bytes: Uint8Array.of(0x67, 0, 0xfe, 0x44, 0, 0, 0, 0), gap: null },
      ]);
  });
});

test('a file that is not a dump', async () => {
  await expect(openDump(file('not a dump'))).rejects.toMatchObject({ code: 'not-a-dump', remedies: ['input-format'] });
  await expect(openImage(join(folder, 'nothing'))).rejects.toThrow(DumpError);
});
