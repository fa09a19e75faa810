// SPDX-License-Identifier: Apache-2.0
// Who has frames of a host, and what its kernel said of them in /proc/PID/pagemap of every process, just before it crashed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Vpn } from '../../src/core/address.js';
import { silentLog } from '../../src/core/log.js';
import type { FrameSource } from '../../src/core/memory.js';
import { openDump } from '../../src/open.js';
import { HostOwners } from '../../src/owners/owners.js';
import { PageFacts } from '../../src/pages/facts.js';
import { PageWalker } from '../../src/paging/walker.js';
import { FIXTURES, kvmVtop, ROOT } from '../run.js';

const folder = join(FIXTURES, 'debian-6.12-owner');
const dump = join(folder, 'vmcore.kdump');

interface Told {
  /** Pids of VMs, and the address spaces that were recorded. */
  readonly spaces: readonly (readonly [number, number])[];
  readonly frames: readonly {
    readonly frame: string;
    /** `vm`, pid, space, GPA, HVA, state; or `process`, pid, virtual address. */
    readonly owners: readonly (readonly (string | number)[])[];
  }[];
}
interface Owner {
  readonly kind: string;
  readonly pid: number;
  readonly addressSpace?: number;
  readonly gpa?: string;
  readonly hva: string;
  readonly state: string;
}
interface Row {
  readonly hpa: string;
  readonly frame: string;
  readonly kind: string;
  readonly owners: readonly Owner[];
  readonly complete: boolean;
  readonly page: { readonly kind: string; readonly kpagecount: number | null };
  readonly problems: readonly string[];
}

const told = JSON.parse(readFileSync(join(folder, 'owners.json'), 'utf8')) as Told;
const rowsOf = (text: string): readonly Row[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
const lines = told.frames.map(({ frame }) => `${frame}\n`).join('');
const run = kvmVtop(['owner', '-c', dump, '--pfn', '--json', '-'], lines);
const rows = rowsOf(run.stdout);
/** The process that wrote down what pagemap said: its own pages moved on. */
const WRITER = 1;

/** Owners as owners.json has them, without those that were not recorded. */
const recorded = (owners: readonly Owner[]): string[] =>
  owners
    .filter(({ kind, pid, addressSpace }) =>
      kind === 'vm' ? told.spaces.some(([vm, space]) => vm === pid && space === addressSpace) : pid !== WRITER,
    )
    .map(({ kind, pid, addressSpace, gpa, hva, state }) =>
      (kind === 'vm' ? [kind, pid, addressSpace, gpa, hva, state] : [kind, pid, hva]).join(' '),
    )
    .sort();

describe('frames of a host', () => {
  test('have the owners that pagemap gave them, and no others', () => {
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(rows.map(({ frame, owners }) => [frame, recorded(owners)])).toEqual(
      told.frames.map(({ frame, owners }) => [frame, owners.map((owner) => owner.join(' ')).sort()]),
    );
  });

  test('of all kinds are among them', () => {
    const seen = new Set(rows.flatMap(({ kind, owners }) => [kind, ...owners.map(({ state }) => state)]));
    for (const each of ['anonymous', 'ksm', 'shmem', 'file', 'hugetlb', 'reserved', 'mapped', 'poisoned'])
      expect(seen).toContain(each);
    expect(Math.max(...rows.map(({ owners }) => owners.length))).toBeGreaterThan(5);
  });

  test('are as the schema says, complete, with as many entries as the kernel counts', () => {
    const schema = JSON.parse(readFileSync(join(ROOT, 'docs', 'schemas', 'owner.schema.json'), 'utf8')) as object;
    const validate = new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(schema);
    for (const row of rows) {
      expect(validate(row) ? null : validate.errors).toBeNull();
      expect([row.complete, row.problems, row.page.kind]).toEqual([true, [], row.kind]);
      const entries = new Set(
        row.owners.filter(({ state }) => state === 'mapped').map(({ pid, hva }) => `${pid} ${hva}`),
      );
      if (row.kind !== 'none' && row.kind !== 'reserved')
        expect([row.frame, entries.size]).toEqual([row.frame, row.page.kpagecount]);
    }
  });
});

test('an address, a range and lines of the log ask the same', () => {
  const [one] = rows.filter(({ owners }) => owners.length > 2);
  const frame = Number(one?.frame);
  const base = (one?.hpa ?? '').slice(2);
  const ask = (...words: readonly string[]): Row =>
    rowsOf(kvmVtop(['owner', '-c', dump, '--json', ...words]).stdout)[0] as Row;
  expect(ask(base)).toEqual(one);
  expect(ask(`${base}-${base.slice(0, -3)}fff`)).toEqual(one);
  expect(ask(`${base}+1000`)).toEqual(one);
  expect(ask(`[  1.0] Memory failure: 0x${frame.toString(16)}: recovery action for dirty LRU page: Recovered`)).toEqual(
    one,
  );
  // The very byte is kept.
  const inside = ask(`mce: [Hardware Error]: TSC 0 ADDR ${base.slice(0, -3)}440 MISC 86`);
  expect(inside.hpa).toBe(`0x${base.slice(0, -3)}440`);
  expect(inside.owners.map(({ hva, gpa = '440' }) => hva.slice(-3) + gpa.slice(-3))).toEqual(
    inside.owners.map(() => '440440'),
  );
});

test.each([
  ['a line that is not an address', ['-'], 'nonsense\n1000\n', /line 1: 'nonsense' is not a hexadecimal address/],
  [
    'an address that no machine has',
    ['10000000000000', '1000'],
    '',
    /10000000000000 is above the physical address space/,
  ],
  ['a range beyond the memory', ['1000', 'f0000000000-f0000001000'], '', /is beyond the memory of the machine/],
])('%s is reported, and the others are answered', (_, words, input, problem) => {
  const said = kvmVtop(['owner', '-c', dump, '--json', ...words], input);
  expect([said.status, rowsOf(said.stdout).map(({ hpa }) => hpa)]).toEqual([1, ['0x1000']]);
  expect(said.stderr).toMatch(problem);
});

test('what is behind a missing page table is not claimed, and the record says so', async () => {
  const hidden = new Set<number>();
  const watch = (image: FrameSource): FrameSource => ({
    frame: (frame) => (hidden.has(frame) ? null : image.frame(frame)),
    why: (frame) => (hidden.has(frame) ? { reason: 'excluded', message: 'left out' } : image.why(frame)),
    limit: image.limit,
  });
  const { host, close } = await openDump(dump, { needs: 'owners', watch });
  const facts = new PageFacts(host);
  const frames = Float64Array.from(told.frames, ({ frame }) => Number(frame));
  const whole = new HostOwners(host, silentLog).of(frames);
  const one = rows.find(
    ({ kind, owners }) => kind === 'anonymous' && owners.length === 1 && owners[0]?.state === 'mapped',
  );
  const asked = Number(one?.frame);
  const [entry] = whole.entriesOf(asked);
  const walker = new PageWalker(host.frames, host.memory.form);
  walker.walk(entry?.area.space.mm?.root ?? (0 as never), entry?.page as Vpn);
  hidden.add(walker.tables[0] as number);
  const less = new HostOwners(host, silentLog).of(frames);
  const { owners, complete, problems } = less.of(facts.look(asked));
  expect([owners, complete]).toEqual([[], false]);
  expect(problems.join()).toMatch(/the kernel counts 1 mappings of the page, 0 were found.*left out/);
  // The owners of all others are a part of the right ones; those that are complete have all.
  for (const frame of frames) {
    const [right, said] = [whole.of(facts.look(frame)), less.of(facts.look(frame))];
    for (const owner of said.owners) expect(right.owners).toContainEqual(owner);
    if (said.complete) expect(said.owners).toEqual(right.owners);
  }
  close();
});
