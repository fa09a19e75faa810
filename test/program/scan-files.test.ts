// SPDX-License-Identifier: Apache-2.0
// What scan writes: the same results in every format; nothing twice and nothing lost.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dumpsIn, type Line, linesOf, NEW, scan, scanFolder, VMS } from '../build/scan.js';
import { kvmVtop, ROOT } from '../run.js';

const { folder, inFolder, copy } = scanFolder();

/** A small file system. */
const full = inFolder('full');
mkdirSync(full);

/** The rows of a query of DuckDB, which is outside of our code. */
async function query(sql: string, database = ':memory:'): Promise<readonly (readonly unknown[])[]> {
  const instance = await DuckDBInstance.create(database, database === ':memory:' ? {} : { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRows();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

describe('files', () => {
  const questions = ['--run', 'vms', '--run', 'slots', '--run', 'vcpus', '-q'];
  let lines: Line[];
  beforeAll(() => {
    for (const format of ['jsonl', 'csv', 'parquet', 'duckdb'])
      expect(scan(...VMS, ...questions, '-o', inFolder(`all.${format}`))).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      });
    lines = linesOf(readFileSync(inFolder('all.jsonl'), 'utf8'));
  });
  const addresses = (record: string, member: string): bigint[] =>
    lines.filter((line) => line.record === record).map((line) => BigInt(line[member] as string));

  test('no drafts are left', () => {
    expect(readdirSync(folder).filter((name) => name.includes('.parts'))).toEqual([]);
  });

  test.each([
    ['vm', 'kvm'],
    ['slot', 'hva'],
    ['vcpu', 'kvm'],
  ])('%s.%s has the same 64-bit values in DuckDB and Parquet', async (record, member) => {
    const expected = addresses(record, member);
    expect(expected.length).toBeGreaterThan(10);
    const tables: readonly [string, string][] = [
      [inFolder('all.duckdb'), record],
      [':memory:', `'${inFolder(`all.parquet/${record}.parquet`)}'`],
    ];
    for (const [database, table] of tables) {
      const rows = await query(`SELECT "${member}", typeof("${member}") FROM ${table}`, database);
      expect(rows.map(([value]) => value)).toEqual(expected);
      expect(rows[0]?.[1]).toBe('UBIGINT');
    }
  });

  test('nested values and lists are kept', async () => {
    const first = lines.find(({ record }) => record === 'vcpu') as Line & {
      registers: { cr3: string | null; cs: { base: string } | null };
    };
    const [row] = await query('SELECT registers.rax, registers.cs.base FROM vcpu LIMIT 1', inFolder('all.duckdb'));
    const registers = first.registers as unknown as { rax: string; cs: { base: string } };
    expect(row).toEqual([BigInt(registers.rax), BigInt(registers.cs.base)]);
    const holders = lines.find(({ record }) => record === 'vm')?.holders as { pid: number }[];
    expect(await query('SELECT holders[1].pid FROM vm LIMIT 1', inFolder('all.duckdb'))).toEqual([
      [BigInt(holders[0]?.pid as number)],
    ]);
  });

  test('CSV is read by another reader', async () => {
    const rows = await query(`SELECT kvm FROM read_csv('${inFolder('all.csv/vm.csv')}', all_varchar = true)`);
    expect(rows.map(([kvm]) => BigInt(kvm as string))).toEqual(addresses('vm', 'kvm'));
  });

  test('what exists is not overwritten, unless --force is given; other files are never', () => {
    for (const name of ['all.jsonl', 'all.parquet']) {
      expect(scan(NEW, '-o', inFolder(name))).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('already exists'),
      });
      expect(scan(NEW, '-o', inFolder(name), '--force')).toMatchObject({ status: 0 });
    }
    mkdirSync(inFolder('mine.csv'));
    writeFileSync(inFolder('mine.csv/letter.txt'), 'Dear');
    expect(scan(NEW, '-o', inFolder('mine.csv'), '--force')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('letter.txt'),
    });
    expect(readFileSync(inFolder('mine.csv/letter.txt'), 'utf8')).toBe('Dear');
  });

  test('parts are merged; a dump that two of them have is taken once', async () => {
    for (const format of ['jsonl', 'duckdb', 'parquet']) {
      const parts = [1, 2].map((index) => inFolder(`part${index}.${format}`));
      for (const [i, part] of parts.entries()) scan(...VMS, ...questions, '--shard', `${i + 1}/2`, '-o', part);
      const run = kvmVtop(['merge', ...parts, parts[0] as string, '-o', inFolder(`merged.${format}`)]);
      expect(run).toMatchObject({ status: 0, stdout: expect.stringContaining(': 3 dumps') });
      expect(run.stderr).toContain('taken from the first of them: 2');
    }
    const merged = linesOf(readFileSync(inFolder('merged.jsonl'), 'utf8'));
    expect(merged.map(({ record }) => record).sort()).toEqual(lines.map(({ record }) => record).sort());
    for (const [database, table] of [
      [inFolder('merged.duckdb'), 'vm'],
      [':memory:', `'${inFolder('merged.parquet/vm.parquet')}'`],
    ] as const)
      expect(new Set((await query(`SELECT kvm FROM ${table}`, database)).map(([kvm]) => kvm))).toEqual(
        new Set(addresses('vm', 'kvm')),
      );
  });

  test('tables without rows are there, too', async () => {
    const broken = copy(NEW, 'broken');
    truncateSync(broken, 100_000);
    const run = scan(broken, '--run', 'vms', '--run', 'vcpus', '-o', inFolder('none.parquet'), '-q');
    expect([run.status, run.stderr]).toEqual([2, '']);
    const path = (table: string): string => `'${inFolder(`none.parquet/${table}.parquet`)}'`;
    expect(await query(`SELECT status FROM ${path('dump')}`)).toEqual([['failed']]);
    for (const table of ['vm', 'vcpu']) expect(await query(`SELECT count(kvm) FROM ${path(table)}`)).toEqual([[0n]]);
  });

  test('a file in the place of a directory is not replaced', () => {
    writeFileSync(inFolder('file.csv'), 'mine');
    expect(scan(NEW, '-o', inFolder('file.csv'), '--force')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('file.csv is not a directory'),
    });
    expect(readFileSync(inFolder('file.csv'), 'utf8')).toBe('mine');
  });

  test.each([
    [`1 ${hostname()}`, /process 1 works there/],
    ['1 another-machine', /process 1 of another-machine works there; if it has ended, remove the file/],
  ])('a result that another process writes is refused: %s', (holder, message) => {
    mkdirSync(inFolder('held.jsonl.parts'), { recursive: true });
    writeFileSync(inFolder('held.jsonl.parts/lock'), `${holder}\n`);
    expect(scan(NEW, '-o', inFolder('held.jsonl'))).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(message),
    });
  });
});

const canMount =
  process.getuid?.() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', full]).status === 0;
afterAll(() => {
  if (canMount) spawnSync('umount', [full]);
});

(canMount ? test : test.skip)('a full disk: one line, no dump is blamed, and with more space the scan goes on', () => {
  const output = join(full, 'result.jsonl');
  const fill = join(full, 'fill');
  writeFileSync(fill, Buffer.alloc(2 ** 20 - 2 * 4096));
  const words = [...VMS, '--run', 'vms', '--run', 'slots', '-o', output, '-q'];
  const run = scan(...words);
  expect([run.status, run.stdout]).toEqual([2, '']);
  expect(run.stderr).toMatch(/^kvm-vtop: [^\n]*no space left[^\n]*\n$/i);
  rmSync(fill);
  expect(scan(...words)).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(dumpsIn(linesOf(readFileSync(output, 'utf8'))).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
});

test('killed at any moment, and started again: nothing is lost, nothing is done twice', async () => {
  const many = Array.from({ length: 12 }, (_, i) => copy(VMS[i % 3] as string, `many${i}`));
  const output = inFolder('killed.jsonl');
  const whole = linesOf(scan(...many).stdout).map(({ record, dump, kvm }) => [record, dump, kvm]);
  let kills = 0;
  for (let wait = 150; ; wait += 97) {
    const child = spawn(process.execPath, [join(ROOT, 'dist', 'cli.js'), 'scan', ...many, '-o', output, '-q'], {
      stdio: 'ignore',
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), wait);
    const signal = await new Promise((resolve) =>
      child.once('exit', (_code, how) => {
        resolve(how);
      }),
    );
    clearTimeout(timer);
    if (signal === null) break;
    kills++;
  }
  expect(kills).toBeGreaterThan(2);
  expect(linesOf(readFileSync(output, 'utf8')).map(({ record, dump, kvm }) => [record, dump, kvm])).toEqual(whole);
});
