// SPDX-License-Identifier: Apache-2.0
// Every folder below fixtures/ with a facts.json is a test: its dump must give these answers, which come from the host's
// own kernel and QEMU.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { lineProblems } from '../build/schema.js';
import { FIXTURES, fixtures, kvmVtop } from '../run.js';

interface Case {
  readonly gpa: string;
  readonly hva: string | null;
  readonly hpa: string | null;
  readonly state: string;
  readonly protNone: boolean;
  readonly frame?: string | null;
  readonly pageSizes?: readonly number[];
  readonly swap?: { readonly type: number; readonly offset: number };
}

interface Question {
  readonly name: string;
  readonly process: string;
  readonly vm: string | null;
  readonly addressSpace: number;
  readonly cases: readonly Case[];
}

interface Line extends Case {
  readonly pageSize: number | null;
  readonly walk: readonly { readonly level: string; readonly address: string; readonly entry: string }[];
  readonly swap: { readonly type: number; readonly offset: number; readonly device: string };
}

const ADDRESS = 0xffffffffff000n;

describe.each(fixtures())('fixture %s', (name) => {
  const folder = join(FIXTURES, name);
  const { levels, questions } = JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')) as {
    levels: number;
    questions: Question[];
  };

  test('has at least 200 addresses', () => {
    expect(questions.reduce((sum, { cases }) => sum + cases.length, 0)).toBeGreaterThanOrEqual(200);
  });

  test.each(questions)(
    '$name, address space $addressSpace: answers as the kernel and QEMU reported',
    ({ process, vm, addressSpace, cases }) => {
      const choice = vm === null ? [] : ['--vm', vm];
      const args = [
        '-c',
        join(folder, 'vmcore.kdump'),
        '-g',
        process,
        ...choice,
        '--address-space',
        String(addressSpace),
      ];
      const run = kvmVtop([...args, '-p', '-', '--json'], cases.map(({ gpa }) => `${gpa}\n`).join(''));
      const lines = run.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
      expect(lines.map(answered)).toEqual(cases.map(wanted));
      expect(lines.map(lineProblems).filter((problem) => problem !== null)).toEqual([]);
      expect(run.status).toBe(cases.every(({ state }) => state === 'mapped') ? 0 : 1);
      lines.forEach((line, i) => {
        if (line.state === 'mapped')
          expect([cases[i]?.gpa, wrongWalk(line, cases[i] as Case, levels)]).toEqual([cases[i]?.gpa, '']);
      });
    },
  );
});

const answered = ({ gpa, hva, hpa, state, protNone, frame, swap }: Line) => ({
  gpa,
  hva,
  hpa,
  state,
  protNone,
  frame: frame ?? null,
  swap: (swap as Line['swap'] | null) === null ? undefined : { type: swap.type, offset: swap.offset },
});
const wanted = ({ gpa, hva, hpa, state, protNone, frame = null, swap }: Case) => ({
  gpa,
  hva,
  hpa,
  state,
  protNone,
  frame,
  swap,
});

/** The error in a walk that led to this HPA, empty if there is none: each entry must be in the table that its parent names. */
function wrongWalk({ walk, pageSize, hva, hpa }: Line, { pageSizes }: Case, levels: number): string {
  if (pageSize === null || pageSizes?.includes(pageSize) !== true) return `page of ${pageSize}`;
  const depth = levels - Math.log2(pageSize / 4096) / 9;
  if (walk.length !== depth) return `${walk.length} entries`;
  for (let i = 1; i < walk.length; i++) {
    const [parent, child] = [walk[i - 1], walk[i]];
    if (BigInt(child?.address ?? 0) >> 12n !== (BigInt(parent?.entry ?? 0) & ADDRESS) >> 12n)
      return `${child?.level} is not in its parent's table`;
  }
  const raw = BigInt(walk.at(-1)?.entry ?? 0);
  const leaf = ((raw & 1n ? raw : ~raw) & ADDRESS) >> 12n;
  const pages = BigInt(pageSize / 4096);
  const frame = leaf - (leaf % pages) + ((BigInt(hva ?? 0) >> 12n) % pages);
  return frame === BigInt(hpa ?? 0) >> 12n ? '' : 'the leaf gives another frame';
}
