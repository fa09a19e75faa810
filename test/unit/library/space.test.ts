// SPDX-License-Identifier: Apache-2.0
// A guest's memory in the library, compared with recorded states of addresses, with physical memory, and with its own
// runs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type GuestRange, type GuestRun, openDump, UsageError } from '../../../src/index.js';
import { FIXTURES, fixtures } from '../../run.js';

const MiB = 2 ** 20;

interface Question {
  readonly name: string;
  readonly process: string;
  readonly vm: string | null;
  readonly addressSpace: number;
  readonly cases: readonly { readonly gpa: string; readonly hpa: string | null; readonly state: string }[];
}

describe.each(fixtures())('%s', (fixture) => {
  const path = join(FIXTURES, fixture);
  const { questions } = JSON.parse(readFileSync(join(path, 'facts.json'), 'utf8')) as { questions: Question[] };

  test.each(questions)('$name, address space $addressSpace', async (question) => {
    const { process, vm: choice, addressSpace, cases } = question;
    using dump = await openDump(join(path, 'vmcore.kdump'));
    const space = dump.vm(process, { vm: choice }).space(addressSpace);
    for (const { gpa, hpa, state } of cases) {
      const address = BigInt(gpa);
      const from = address - (address % 4096n);
      const runs = [...space.runs(from, from + 1n)];
      expect(runs).toMatchObject([{ gpa: from, size: 4096, state }]);
      const [run] = runs as [GuestRun];
      expect(run.hpa).toBe(hpa === null ? null : BigInt(hpa) - (address % 4096n));

      const read = [...space.read(address, 16)];
      expect(total(read)).toBe(16);
      if (hpa === null)
        expect(read).toMatchObject([{ gpa: address, length: 16, bytes: null, gap: { reason: run.reason } }]);
      // A question never ends within 16 bytes of the end of its page.
      else expect(contents(read)).toEqual(contents([...dump.physical.read(BigInt(hpa), 16)]));
    }
  });
});

/** Bytes, or the reason why there are none. */
const contents = (ranges: readonly Pick<GuestRange, 'length' | 'bytes' | 'gap'>[]): unknown =>
  ranges.map(({ length, bytes, gap }) => [length, gap?.reason ?? Buffer.from(bytes ?? []).toString('hex')]);

const total = (ranges: readonly GuestRange[]): number => ranges.reduce((sum, { length }) => sum + length, 0);

describe('a whole guest', () => {
  const opened = openDump(join(FIXTURES, 'debian-6.1', 'vmcore.kdump'));
  afterAll(async () => {
    (await opened).close();
  });
  const spaceOf = async () => (await opened).vm(136).space();

  test('runs are contiguous from 0 to the end of the last memslot', async () => {
    const dump = await opened;
    const slots = [...dump.vm(136).slots()];
    const runs = [...dump.vm(136).space().runs()];
    let at = 0n;
    for (const { gpa, size } of runs) {
      expect(gpa).toBe(at);
      at += BigInt(size);
    }
    expect(Number(at)).toBe(Math.max(...slots.map(({ gpa, size }) => Number(gpa) + size)));
    expect(runs.some(({ state, slot }) => state === 'no-memslot' && slot === null)).toBe(true);
    expect(runs.some(({ state }) => state === 'mapped')).toBe(true);
  });

  test('each byte is in one range, and bytes missing for the same reason are one range', async () => {
    const space = await spaceOf();
    const ranges = [...space.read(0x9f123, MiB)];
    expect(total(ranges)).toBe(MiB);
    let at = 0x9f123n;
    for (const [index, { gpa, length, gap }] of ranges.entries()) {
      expect(gpa).toBe(at);
      at += BigInt(length);
      const before = ranges[index - 1];
      if (gap !== null && before !== undefined) expect(before.gap?.reason).not.toBe(gap.reason);
    }
  });

  test('a hole as large as the physical address space is one range', async () => {
    const space = await spaceOf();
    const [run] = [...space.runs(2 ** 51, 2 ** 52)];
    expect(run).toMatchObject({ size: 2 ** 51, state: 'no-memslot' });
    expect([...space.read(2 ** 51, 2 ** 51)]).toMatchObject([{ length: 2 ** 51, gap: { reason: 'no-slot' } }]);
  });

  test.each([
    [-1, 1],
    [0.5, 1],
    [0, -1],
    [2 ** 52, 1],
    [1n << 52n, 1],
    [1n << 64n, 0],
  ])('%p and %p bytes are refused', async (from, length) => {
    const space = await spaceOf();
    expect(() => [...space.read(from, length)]).toThrow(UsageError);
  });

  test('an empty range has no runs and no bytes; one that ends before it starts is refused', async () => {
    const space = await spaceOf();
    expect([...space.runs(0x800, 0x800), ...space.read(0x800, 0)]).toEqual([]);
    expect(() => [...space.runs(0x801, 0x800)]).toThrow(new UsageError('the end, 0x800, is below the start, 0x801'));
  });

  test('an address space that does not exist is refused', async () => {
    const vm = (await opened).vm(136);
    expect(() => vm.space(7)).toThrow(UsageError);
  });
});
