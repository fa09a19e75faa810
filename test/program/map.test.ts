// SPDX-License-Identifier: Apache-2.0
// Each folder of fixtures/ with a pages.txt.gz is a host of which every page of every VM is known: the host's kernel said
// what it was, just before the crash, while the guests stood still.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { differences, joins, knownPages, type Run } from '../build/known-pages.js';
import { FIXTURES, kvmVtop, ROOT } from '../run.js';

const hosts = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'pages.txt.gz')));
const schemaOf = (name: string) =>
  new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(
    JSON.parse(readFileSync(join(ROOT, 'docs', 'schemas', `${name}.schema.json`), 'utf8')) as object,
  );
const validate = { run: schemaOf('run'), total: schemaOf('total'), slot: schemaOf('slot') };
/** Bytes by a member of the runs, without those for which it is null. */
function sums(runs: readonly Run[], member: 'state' | 'reason' | 'pageSize' | 'node'): Record<string, number> {
  const by: Record<string, number> = {};
  for (const { [member]: key, size } of runs) if (key !== null) by[key] = (by[key] ?? 0) + size;
  return by;
}

/** A member of a run as CSV: empty if it is null. */
function cell(run: Run, member: string): string {
  const value = member.startsWith('swap.')
    ? run.swap?.[member.slice('swap.'.length) as 'type' | 'offset' | 'device']
    : run[member as Exclude<keyof Run, 'swap'>];
  return `${value ?? ''}`;
}

const bytesOf = (runs: readonly Run[]): number => runs.reduce((sum, { size }) => sum + size, 0);

test('there is a host with two nodes and pages of all sizes', () => {
  expect(hosts).toEqual(['debian-6.12-map']);
});

describe.each(hosts)('%s', (name) => {
  const folder = join(FIXTURES, name);
  const dump = join(folder, 'vmcore.kdump');
  const { spaces, devices } = knownPages(folder);
  const ask = (...args: readonly string[]) => kvmVtop([...args, '-c', dump]);
  const jsonOf = (text: string): { record: string }[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { record: string });
  const slots = jsonOf(ask('slots', '--sizes', '--json').stdout) as unknown as {
    readonly kvm: string;
    readonly addressSpace: number;
    readonly id: number;
    readonly gpa: string;
    readonly hva: string;
    readonly size: number;
    readonly resident: number;
    readonly swapped: number;
  }[];

  test('the kernel knew pages of every kind', () => {
    const all = spaces.flatMap(({ stretches }) => stretches.map(({ words }) => words));
    expect(new Set(all.map(([state]) => state))).toEqual(
      new Set(['mapped', 'swapped', 'not-present', 'marker', 'poisoned']),
    );
    expect(
      new Set(all.flatMap(([state, , protNone, node]) => (state === 'mapped' ? [`${protNone} ${node}`] : []))),
    ).toEqual(new Set(['? 0', '? 1', 'no 0', 'no 1', 'yes 0', 'yes 1', 'no ?']));
  });

  describe.each(spaces)('$name, address space $addressSpace', ({ choice, addressSpace, stretches }) => {
    const where = [...choice, '--address-space', `${addressSpace}`];
    const run = ask('map', ...where, '--json');
    const records = jsonOf(run.stdout);
    const runs = records.slice(0, -1) as unknown as Run[];
    const total = records.at(-1);

    test('every page is as the kernel said', () => {
      expect(run.status).toBe(0);
      expect(differences(runs, stretches, devices)).toEqual([]);
    });

    test('the lines are valid, and no two runs could be one', () => {
      const invalid = records.filter((record) => !validate[record.record as 'run' | 'total'](record));
      expect(invalid.slice(0, 3)).toEqual([]);
      expect(runs.filter((each, i) => i > 0 && joins(runs[i - 1] as Run, each)).slice(0, 3)).toEqual([]);
    });

    test('the totals are the sums of the runs, and of what the kernel said', () => {
      expect(total).toMatchObject({
        record: 'total',
        addressSpace,
        bytes: bytesOf(runs),
        runs: runs.length,
        states: sums(runs, 'state'),
        reasons: sums(runs, 'reason'),
        pageSizes: sums(runs, 'pageSize'),
        nodes: sums(runs, 'node'),
        protNone: bytesOf(runs.filter(({ protNone }) => protNone)),
        complete: true,
        problems: [],
      });
      expect(bytesOf(runs)).toBe(stretches.reduce((sum, { pages }) => sum + pages * 4096, 0));
      expect(jsonOf(ask('map', ...where, '--summary', '--json').stdout)).toEqual([total]);
    });

    test('slots --sizes has the bytes in memory and in swap of each slot', () => {
      const own = slots.filter((slot) => slot.kvm === runs[0]?.kvm && slot.addressSpace === addressSpace);
      expect(own.length).toBeGreaterThan(0);
      for (const slot of own) {
        const inside = runs.filter((each) => each.slot === slot.id);
        const states = sums(inside, 'state');
        expect(slot).toMatchObject({
          size: bytesOf(inside),
          gpa: inside[0]?.gpa,
          hva: inside[0]?.hva,
          resident: states.mapped ?? 0,
          swapped: (states.swapped ?? 0) + bytesOf(inside.filter(({ reason }) => reason === 'shmem-swapped')),
        });
      }
      expect(own.reduce((sum, { size }) => sum + size, 0)).toBe(bytesOf(runs));
    });

    test('--csv has the same runs', () => {
      const [heading = '', ...rows] = ask('map', ...where, '--csv')
        .stdout.trimEnd()
        .split(/\r?\n/);
      const members = heading.split(',');
      const wanted = runs.map((each) => members.map((member) => cell(each, member)).join(','));
      expect(rows.length).toBe(wanted.length);
      expect(rows.filter((row, i) => row !== wanted[i]).slice(0, 3)).toEqual([]);
    });
  });
});
