// SPDX-License-Identifier: Apache-2.0
// What the page of `map --html` says of each run of a guest, as the script in the page decodes it in Chromium, is what
// `map --json` says.
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { closed, type Opened, opened, withBrowser, written } from '../build/browser.js';
import { manyStates, PID } from '../build/guest.js';
import { scratch } from '../build/scratch.js';
import { dumpOf } from '../build/written.js';
import { chromium, needing, recordedHosts } from '../needs.js';
import { kvmVtop, SHARED } from '../run.js';

/** Rows of `map --json`, with the members that are compared. */
interface Row {
  readonly record: 'run';
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
interface Total {
  readonly record: 'total';
  readonly bytes: number;
  readonly states: Readonly<Record<string, number>>;
}

type Lines = Readonly<Record<string, string | null>>;

const files = scratch('picture-data');
withBrowser();

const WORDS: Readonly<Record<string, string>> = {
  mapped: 'resident',
  'not-present': 'not mapped',
  'in-page-cache': 'not mapped, in the page cache',
  'shmem-swapped': 'not mapped, shared memory in swap',
};
const SIZES: Readonly<Record<number, string>> = { 4096: '4 KiB', [2 ** 21]: '2 MiB', [2 ** 30]: '1 GiB' };
const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** What the page has to say of the byte `offset` of a run. */
function expected(row: Row, offset: bigint): Lines {
  const { state, reason, pageSize, node, swap, frame, hpa, protNone, slot } = row;
  const why = protNone ? ' (PROT_NONE)' : reason === null ? '' : ` (${reason})`;
  const pages = offset >> 12n;
  const last = BigInt(row.gpa) + BigInt(row.size) - 1n;
  return {
    GPA: hex(BigInt(row.gpa) + offset),
    HVA: hex(BigInt(row.hva) + offset),
    HPA: hpa === null ? null : hex(BigInt(hpa) + offset),
    Swap: swap === null ? null : `${swap.device ?? `area ${swap.type}`}, page ${BigInt(swap.offset) + pages}`,
    // Of a page that is in swap and in memory, the picture has the place in swap.
    Frame: frame === null || swap !== null ? null : hex((BigInt(frame) + pages) << 12n),
    State: (WORDS[reason ?? ''] ?? WORDS[state] ?? state) + why,
    'Page size': pageSize === null ? null : (SIZES[pageSize] ?? ''),
    'NUMA node': node === null ? null : `${node}`,
    Run: `${row.gpa} to ${hex(last)}`,
    Slot: `${slot}`,
  };
}

/** The lines of the page in the form of `expected`: without the size of the run and the backing of the slot. */
const compact = (lines: Readonly<Record<string, string>>): Lines => ({
  ...{ GPA: lines.GPA ?? null, HVA: lines.HVA ?? null, HPA: lines.HPA ?? null, Swap: lines.Swap ?? null },
  Frame: lines.Frame ?? null,
  State: lines.State ?? null,
  'Page size': lines['Page size'] ?? null,
  'NUMA node': lines['NUMA node'] ?? null,
  Run: lines.Run?.split(',')[0] ?? null,
  Slot: lines.Slot?.split(':')[0] ?? null,
});

/** Has the page search for addresses, one after the other. Returns what it says of each. */
const looked = ({ page }: Opened, gpas: readonly string[]): Promise<Record<string, string>[]> =>
  page.evaluate<Record<string, string>[]>(
    `(async () => {
      const element = (id) => document.getElementById(id);
      element('kind').value = 'gpa';
      const answers = [];
      for (const gpa of ${JSON.stringify(gpas)}) {
        element('query').value = gpa;
        element('search').requestSubmit();
        while (element('found').textContent.includes('Searching')) await null;
        const lines = [...document.querySelectorAll('#details dl > div')];
        answers.push(Object.fromEntries(lines.map((line) =>
          [line.querySelector('dt').textContent, line.querySelector('dd').firstChild.textContent])));
      }
      return answers;
    })()`,
  );

/** The bytes that the tables of the page say of each kind of memory. */
const totals = ({ page }: Opened): Promise<[string, number][]> =>
  page.evaluate<[string, number][]>(
    `[...document.querySelector('.tables table').tBodies[0].rows].map((row) => [row.cells[0].textContent, Number(row.cells[2].textContent)])`,
  );

function compared(name: string, ready: () => readonly string[]): void {
  let it: Opened;
  let rows: readonly Row[];
  let total: Total | undefined;
  beforeAll(async () => {
    const vm = ready();
    const { stdout } = kvmVtop(['map', ...vm, '--json']);
    const all = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row | Total);
    rows = all.filter((row) => row.record === 'run');
    total = all.find((row) => row.record === 'total');
    it = await opened(written(join(files.folder, `${name}.html`), vm));
  });
  afterAll(() => closed(it));

  test('the first and the last page of each run', async () => {
    const asked = rows.flatMap((row) => {
      const last = BigInt(row.size) - 1n;
      return (last < 4096n ? [0x84n] : [0n, last]).map((offset) => ({ row, offset }));
    });
    const answers = await looked(
      it,
      asked.map(({ row, offset }) => hex(BigInt(row.gpa) + offset)),
    );
    const wrong = asked.flatMap(({ row, offset }, i) => {
      const [wanted, answer] = [expected(row, offset), compact(answers[i] ?? {})];
      return isDeepStrictEqual(wanted, answer) ? [] : [{ wanted, answer }];
    });
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(answers.length).toBe(asked.length);
    expect(rows.length).toBeGreaterThan(10);
  });

  test('the bytes of the runs are all that the page has', async () => {
    const sums = new Map<string, number>();
    for (const { state, reason, size } of rows) {
      const name = WORDS[reason ?? ''] ?? WORDS[state] ?? state;
      sums.set(name, (sums.get(name) ?? 0) + size);
    }
    const said = await totals(it);
    expect(said).toEqual(expect.arrayContaining([[expect.any(String), total?.bytes], ...sums]));
    // The legend comes from the data of the picture, the table from the program.
    const legend = await it.page.evaluate<number>(
      `JSON.parse(document.getElementById('picture-data').textContent).classes.reduce((sum, { pages }) => sum + pages, 0)`,
    );
    expect(legend * 4096).toBe(total?.bytes);
  });
}

needing(chromium).describe('a guest with many states', () => {
  compared('many', () => ['-c', files.file(dumpOf(manyStates().host), 'host.elf'), '-g', `${PID}`]);
});

/** Guests of recorded hosts. Each run takes some milliseconds, so of the one with 16,452 runs there are some ranges. */
const RECORDED = [
  // A page of 1 GiB, and small pages on two nodes.
  ['debian-6.12-facts', '201', ['-p', '0-13a0fffff', '13e000000+10000']],
  // Every state that the kernel allows.
  ['debian-6.12-facts', '216', []],
  // All of a guest with hugetlbfs, KSM, memfd and swap.
  ['debian-7.2-zstd-contents', 'beta', []],
] as const;

needing(chromium, recordedHosts).describe.each(RECORDED)('%s, VM %s', (host, vm, ranges) => {
  compared(`${host}-${vm}`, () => ['-c', join(SHARED, 'dumps', host, 'vmcore'), '-g', vm, ...ranges]);
});
