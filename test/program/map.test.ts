// SPDX-License-Identifier: Apache-2.0
// Each folder of fixtures/ with a pages.txt.gz is a host of which every page of every VM is known: the host's kernel said
// what it was, just before the crash, while the guests stood still.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { FIXTURES, kvmVtop, ROOT } from '../run.js';

const PAGE = 4096;

/** Pages that follow each other, and what the kernel said of them. Addresses are exact: they are below 2^53. */
interface Stretch {
  readonly gpa: number;
  readonly hva: number;
  readonly pages: number;
  readonly words: readonly string[];
}

interface Space {
  readonly name: string;
  readonly choice: readonly string[];
  readonly addressSpace: number;
  readonly stretches: Stretch[];
}

interface Run {
  readonly record: 'run';
  readonly kvm: string;
  readonly slot: number;
  readonly gpa: string;
  readonly size: number;
  readonly hva: string;
  readonly hpa: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly pageSize: number | null;
  readonly protNone: boolean;
  readonly frame: string | null;
  readonly swap: { readonly type: number; readonly offset: number; readonly device: string | null } | null;
  readonly node: number | null;
}

const hosts = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'pages.txt.gz')));
const schemaOf = (name: string) =>
  new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(
    JSON.parse(readFileSync(join(ROOT, 'docs', 'schemas', `${name}.schema.json`), 'utf8')) as object,
  );
const validate = { run: schemaOf('run'), total: schemaOf('total'), slot: schemaOf('slot') };
const hex = (text: string): number => Number.parseInt(text, 16);

function factsOf(folder: string): { spaces: Space[]; devices: Map<number, string> } {
  const spaces: Space[] = [];
  const devices = new Map<number, string>();
  const lines = gunzipSync(readFileSync(join(folder, 'pages.txt.gz')))
    .toString('latin1')
    .trimEnd()
    .split('\n');
  for (const line of lines) {
    const [first = '', second = '', third = '', ...rest] = line.split(' ');
    if (first === 'SWAP') devices.set(Number(second), third);
    else if (first === 'VM') {
      const [vm = '', space = ''] = rest;
      const choice = ['-g', third, ...(vm === '-' ? [] : ['--vm', vm])];
      spaces.push({ name: second, choice, addressSpace: Number(space), stretches: [] });
    } else spaces.at(-1)?.stretches.push({ gpa: hex(first), hva: hex(second), pages: Number(third), words: rest });
  }
  return { spaces, devices };
}

/** What the kernel said of page `i` of a stretch is what a run says of its page `j`: else what is wrong. */
function wrong(stretch: Stretch, i: number, run: Run, j: number, devices: ReadonlyMap<number, string>): string {
  const [state, ...words] = stretch.words;
  const hva = stretch.hva + i * PAGE;
  if (hex(run.hva) + j * PAGE !== hva) return `hva should be ${hva.toString(16)}`;
  if (run.state !== state) return `state should be ${state}`;
  if (state === 'mapped') return wrongPlace(words, i, run, j);
  if (run.hpa !== null || run.pageSize !== null || run.node !== null || run.protNone)
    return 'not mapped, but has a place';
  if (state === 'swapped') {
    const [type, offset] = [Number(words[0]), hex(words[1] as string) + i];
    const is = run.swap;
    if (is?.type !== type || is.offset + j !== offset) return `swap should be ${type} ${offset}`;
    return is.device === devices.get(type) ? '' : `the device should be ${devices.get(type)}`;
  }
  if (run.swap !== null) return 'not swapped, but has a place in swap';
  const frame = words[0] === undefined ? null : hex(words[0]) + i;
  return frame === null || (run.frame !== null && hex(run.frame) + j === frame) ? '' : `frame should be ${frame}`;
}

function wrongPlace([sizes, protNone, node, place]: readonly string[], i: number, run: Run, j: number): string {
  const hpa = hex(place as string) + i * PAGE;
  if (run.hpa === null || hex(run.hpa) + j * PAGE !== hpa) return `hpa should be ${hpa.toString(16)}`;
  if (sizes?.split(',').includes(`${run.pageSize}`) !== true) return `pageSize should be ${sizes}`;
  if (protNone !== '?' && run.protNone !== (protNone === 'yes')) return `protNone should be ${protNone}`;
  return node === '?' || `${run.node ?? '-'}` === node ? '' : `node should be ${node}`;
}

/** The first pages of which the runs do not say what the kernel said; empty if there are none. */
function differences(
  runs: readonly Run[],
  stretches: readonly Stretch[],
  devices: ReadonlyMap<number, string>,
): string[] {
  const found: string[] = [];
  const pages = stretches.flatMap((stretch) => Array.from({ length: stretch.pages }, (_, i) => ({ stretch, i })));
  let at = 0;
  for (const run of runs)
    for (let j = 0; j < run.size / PAGE; j++) {
      const gpa = hex(run.gpa) + j * PAGE;
      const page = pages[at++];
      const right = page === undefined ? -1 : page.stretch.gpa + page.i * PAGE;
      const fault =
        page === undefined || right !== gpa
          ? `page ${right.toString(16)} should follow`
          : wrong(page.stretch, page.i, run, j, devices);
      if (fault !== '') found.push(`${gpa.toString(16)}: ${fault}, is ${JSON.stringify(run)} + ${j}`);
      if (found.length === 5) return found;
    }
  return at === pages.length ? found : [...found, `${pages.length - at} pages are in no run`];
}

/** Whether two runs could be one. */
function joins(a: Run, b: Run): boolean {
  const isNext = (one: string | null, other: string | null, step: number): boolean =>
    one === null ? other === null : other !== null && hex(one) + step === hex(other);
  return (
    isNext(a.gpa, b.gpa, a.size) &&
    isNext(a.hpa, b.hpa, a.size) &&
    isNext(a.frame, b.frame, a.size / PAGE) &&
    (['slot', 'state', 'reason', 'pageSize', 'protNone', 'node'] as const).every((member) => a[member] === b[member]) &&
    (a.swap === null || (b.swap?.type === a.swap.type && a.swap.offset + a.size / PAGE === b.swap.offset))
  );
}

/** Bytes by a member of the runs, without those for which it is null. */
function sums(runs: readonly Run[], member: 'state' | 'pageSize' | 'node'): Record<string, number> {
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
  const { spaces, devices } = factsOf(folder);
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
        pageSizes: sums(runs, 'pageSize'),
        nodes: sums(runs, 'node'),
        protNone: bytesOf(runs.filter(({ protNone }) => protNone)),
        complete: true,
        problems: [],
      });
      expect(bytesOf(runs)).toBe(stretches.reduce((sum, { pages }) => sum + pages * PAGE, 0));
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
          swapped: states.swapped ?? 0,
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
