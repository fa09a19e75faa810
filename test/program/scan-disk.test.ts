// SPDX-License-Identifier: Apache-2.0
// One of the dumps is on a failing disk: strace makes reads of it fail, as the kernel does for a bad sector.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, test } from '@jest/globals';
import { kdump } from '../build/files.js';
import { contentOf } from '../build/queue.js';
import { contentsOf, wishOf } from '../build/recoded.js';
import { dumpsIn, INTEL, type Line, linesOf, NEW, OLD, scanFolder } from '../build/scan.js';
import { needing, strace } from '../needs.js';
import { ROOT } from '../run.js';

const { inFolder } = scanFolder();
const bad = inFolder('on a failing disk');
const trace = inFolder('trace');

interface Traced {
  readonly status: number | null;
  readonly lines: readonly string[];
  /** What is said besides by strace. */
  readonly said: string;
}

/** Scans three dumps. `faults`: which reads of `bad` fail, as strace counts them in each thread; null for none. */
function traced(faults: string | null, ...runs: readonly string[]): Traced {
  const inject = faults === null ? [] : ['-e', `inject=read,pread64:error=EIO:when=${faults}`];
  const words = [OLD, bad, INTEL, '-j', '1', '-q', ...runs.flatMap((run) => ['--run', run])];
  const { status, stdout, stderr } = spawnSync(
    'strace',
    [
      ...['-f', '-o', trace, '-e', 'trace=read,pread64', ...inject, '-P', bad],
      ...[process.execPath, 'dist/cli.js', 'scan', ...words],
    ],
    // What other runs have kept decides how much is read.
    { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 28, env: { ...process.env, KVM_VTOP_CACHE: 'off' } },
  );
  return { status, lines: contentOf(stdout), said: stderr.replace(/^strace: .*\n/gm, '') };
}

/** How often the process that analysed the dump has read it. */
function readsOf(): number {
  const counts = new Map<string, number>();
  for (const [, pid = ''] of readFileSync(trace, 'utf8').matchAll(/^(\d+) +p?read(?:64)?\(/gm))
    counts.set(pid, (counts.get(pid) ?? 0) + 1);
  return Math.max(...counts.values());
}

const linesAbout = (lines: readonly string[], isBad: boolean): string[] =>
  lines.filter((line) => ((JSON.parse(line) as Line).dump === bad) === isBad);

/** A text of one line that says where reading failed. */
const whereOf = (path: string): RegExp =>
  new RegExp(`^[^\\n]*${path} at 0x[0-9a-f]+: [^\\n]*input/output error[^\\n]*$`);

const onDisk = needing(strace);

onDisk.describe('a failing disk', () => {
  let whole: Traced;
  let opened = 0;
  let all = 0;
  beforeAll(async () => {
    // Pages that are not compressed: answers need reads of their own.
    writeFileSync(bad, kdump(wishOf(await contentsOf(NEW), 'raw')));
    traced(null, 'vms');
    opened = readsOf();
    whole = traced(null, 'vms', 'vcpus');
    all = readsOf();
    expect([whole.status, whole.said]).toEqual([0, '']);
    expect(opened).toBeGreaterThan(100);
    expect(all).toBeGreaterThan(opened);
  });

  test.each([
    ['the first byte', 0, 'failed'],
    ['a table of its pages', 0.01, 'failed'],
    ['the page tables of its kernel', 0.03, 'failed'],
    ['the symbols', 0.15, 'failed'],
    ['the types', 0.5, 'failed'],
    ['KVM', 0.9, 'incomplete'],
    ['the VMs', 0.97, 'incomplete'],
    ['the last VM', 1, 'incomplete'],
  ])('all reads fail from %s on: its record says where, and the others are done', (_name, part, expected) => {
    const run = traced(`${Math.max(1, Math.round(part * opened))}+`, 'vms');
    expect([run.status, run.said]).toEqual([1, '']);
    expect(dumpsIn(linesOf(run.lines.join('\n'))).map(({ dump }) => dump)).toEqual([OLD, bad, INTEL]);
    const others = linesAbout(whole.lines, false).filter((line) => !line.startsWith('{"record":"vcpu"'));
    expect(linesAbout(run.lines, false)).toEqual(others);
    const [record, ...rows] = linesAbout(run.lines, true).map((line) => JSON.parse(line) as Line);
    expect(record).toMatchObject({ record: 'dump', status: expected });
    const { error, problems } = record as unknown as { error: string | null; problems: string[] };
    const texts = [error ?? '', ...problems, ...rows.flatMap((row) => row.problems as string[])];
    expect(texts).toContainEqual(expect.stringMatching(whereOf(bad)));
    expect(texts.join('\n')).not.toMatch(/process that read it|signal|exit status|internal/);
  });

  test('what was answered before is kept; the command that could not be is named', () => {
    const run = traced(`${opened + 1}+`, 'vms', 'vcpus');
    expect([run.status, run.said]).toEqual([1, '']);
    expect(linesAbout(run.lines, false)).toEqual(linesAbout(whole.lines, false));
    const [record, ...rows] = linesAbout(run.lines, true);
    const vms = linesAbout(whole.lines, true).filter((line) => line.startsWith('{"record":"vm"'));
    expect(vms.length).toBeGreaterThan(3);
    expect(rows).toEqual(vms);
    const { status, error, problems } = JSON.parse(record as string) as Record<string, unknown>;
    expect([status, error]).toEqual(['incomplete', null]);
    expect((problems as string[]).filter((text) => text.startsWith('vcpus: '))).toEqual([
      expect.stringMatching(whereOf(bad)),
    ]);
  });

  test.each([0.01, 0.6])('a read that succeeds when it is repeated changes nothing (%d)', (part) => {
    const run = traced(String(Math.round(part * all)), 'vms', 'vcpus');
    expect(run).toEqual(whole);
  });
});
