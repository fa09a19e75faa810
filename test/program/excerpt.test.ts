// SPDX-License-Identifier: Apache-2.0
// An excerpt holds no memory of the guests: the fixtures were cut with it, from dumps some of which have that memory.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Opener } from '../../src/commands/command.js';
import { excerptFor } from '../../src/commands/excerpt.js';
import { pfn } from '../../src/core/address.js';
import { openImage } from '../../src/dump/open.js';
import { FileSource } from '../../src/io/file-source.js';
import { openDump } from '../../src/open.js';
import { altered, FIXTURE, kept } from '../build/altered.js';
import { needing, recordedHosts } from '../needs.js';
import { FIXTURES, fixtures, kvmVtop, ROOT, SHARED } from '../run.js';

/** Which of the values stand at any word of any page of a dump, below a frame. */
async function found(
  path: string,
  values: ReadonlySet<number>,
  frames: number,
): Promise<{ pages: number; values: Set<number> }> {
  const image = await openImage([FileSource.open(path)]);
  const seen = new Set<number>();
  let pages = 0;
  for (let frame = 0; frame < frames; frame++) {
    const page = image.frame(pfn(frame));
    if (page === null) continue;
    pages++;
    for (let at = 0; at < 4096; at += 4) {
      const word = page.getUint32(at, true);
      if (values.has(word)) seen.add(word);
    }
  }
  return { pages, values: seen };
}

const valuesOf = (name: string): ReadonlySet<number> => {
  const { guestValues } = JSON.parse(readFileSync(join(FIXTURES, name, 'facts.json'), 'utf8')) as {
    guestValues: string[];
  };
  return new Set(guestValues.map((value) => Number.parseInt(value, 16)));
};

describe('no word that a program in the guests wrote is in', () => {
  test.each(fixtures())('%s', async (name) => {
    const values = valuesOf(name);
    expect(values.size).toBeGreaterThan(100);
    const { pages, values: leaked } = await found(join(FIXTURES, name, 'vmcore.kdump'), values, 0x200000);
    expect(pages).toBeGreaterThan(300);
    expect([...leaked]).toEqual([]);
  });
});

const withHosts = needing(recordedHosts);
withHosts.test('although they are in the dump that the 7.2 fixture was cut from', async () => {
  const values = valuesOf('debian-7.2');
  const { values: there } = await found(join(SHARED, 'dumps', 'debian-7.2-zstd-contents', 'vmcore'), values, 0x60000);
  expect(there.size).toBe(values.size);
});

withHosts.test('nor in one that is cut now, of both guests, from the dump that has it', async () => {
  const { questions } = JSON.parse(readFileSync(join(FIXTURES, 'debian-7.2', 'facts.json'), 'utf8')) as {
    questions: { name: string; process: string; cases: { gpa: string }[] }[];
  };
  const values = valuesOf('debian-7.2');
  for (const { name, process, cases } of questions.filter((question) => /alpha|beta/.test(question.name))) {
    const output = join(folder, `${name}.kdump`);
    const core = join(SHARED, 'dumps', 'debian-7.2-zstd-contents', 'vmcore');
    const asked = cases.map(({ gpa }) => gpa);
    expect(kvmVtop(['excerpt', '-c', core, '-g', process, '-p', ...asked, '-o', output]).stdout).toMatch(
      /same answers/,
    );
    expect([...(await found(output, values, 0x200000)).values]).toEqual([]);
  }
});

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-excerpt-'));
const QUESTION = { process: '136', vm: null, addressSpace: 0, addresses: ['840', '1000840'] };

/** Cuts an excerpt; `second` is done before what was written is read again. */
async function cut(name: string, second: () => void, changes: readonly (readonly [string, string])[] = []) {
  const output = join(folder, name);
  let opened = 0;
  const open: Opener = (path, options) => {
    if (++opened === 1) return openDump(path, options);
    second();
    return openDump(path, { ...options, watch: (image) => altered(image, changes) });
  };
  const streams = kept();
  const done = excerptFor(open, { core: [FIXTURE], output, force: false }, [QUESTION], streams);
  const outcome = await done.catch((error: unknown) => String(error));
  return { output, outcome, opened, out: streams.out.join('') };
}

describe('what is written is read again before it gets its name', () => {
  const left = () => readdirSync(folder).filter((name) => name.includes('partial'));

  test('the same answers: it is kept', async () => {
    const { output, outcome, out } = await cut('good', () => undefined);
    expect(outcome).toBe(0);
    expect(out).toMatch(/good: \d+ pages, \d+ bytes, 2 addresses, the same answers when read again\n/);
    expect(existsSync(output)).toBe(true);
  });

  test('other answers: nothing is kept', async () => {
    // The walk's first entry, as it stands in memory: one bit of its flags is another.
    const [line = ''] = kvmVtop(['-c', FIXTURE, '-g', '136', '-p', '840', '--json']).stdout.split('\n');
    const { walk } = JSON.parse(line) as { walk: { entry: string }[] };
    const entry = Buffer.alloc(8);
    entry.writeBigUInt64LE(BigInt(walk[0]?.entry ?? 0));
    const other = Buffer.from(entry);
    other[1] = (other[1] as number) ^ 2;
    const change = [entry.toString('latin1'), other.toString('latin1')] as const;
    const { output, outcome, opened } = await cut('other', () => undefined, [change]);
    expect(outcome).toMatch(/other: read again, it gives other answers; nothing was kept/);
    expect(opened).toBe(2);
    expect(existsSync(output)).toBe(false);
    expect(left()).toEqual([]);
  });

  test('somebody takes the name meanwhile: theirs stays', async () => {
    const { output, outcome } = await cut('taken', () => {
      writeFileSync(join(folder, 'taken'), 'theirs');
    });
    expect(outcome).toMatch(/taken has come into being meanwhile; nothing was written/);
    expect(readFileSync(output, 'utf8')).toBe('theirs');
    expect(left()).toEqual([]);
  });

  test('a name that is taken from the start: the dump is not even opened', async () => {
    writeFileSync(join(folder, 'early'), 'theirs');
    const { outcome, opened } = await cut('early', () => undefined);
    expect(outcome).toMatch(/early exists already$/);
    expect(opened).toBe(0);
  });

  test("both bitmaps name the same frames, and phys_base is the kernel's", async () => {
    const { output } = await cut('parts', () => undefined);
    const bytes = readFileSync(output);
    const pages = bytes.readUInt32LE(436);
    const start = 4096 * (1 + bytes.readInt32LE(432));
    const half = (pages * 4096) / 2;
    const first = bytes.subarray(start, start + half);
    expect(first.equals(bytes.subarray(start + half, start + 2 * half))).toBe(true);
    expect(first.some((byte) => byte !== 0)).toBe(true);
    const { host, close } = await openDump(FIXTURE);
    expect(bytes.readBigInt64LE(4096)).toBe(host.info.number('phys_base'));
    close();
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s: nothing half done is left', async (signal) => {
    const addresses = Array.from({ length: 60_000 }, (_, i) => ((i % 30000) * 4096).toString(16)).join('\n');
    const output = join(folder, signal);
    const child = spawn(
      process.execPath,
      ['dist/cli.js', 'excerpt', '-c', FIXTURE, '-g', '136', '-p', '-', '-o', output],
      {
        cwd: ROOT,
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    );
    const ended = new Promise((resolve) =>
      child.once('exit', (_code, by) => {
        resolve(by);
      }),
    );
    child.stdin.end(addresses);
    const watch = setInterval(() => {
      if (left().length > 0) child.kill(signal);
    }, 5);
    expect(await ended).toBe(signal);
    clearInterval(watch);
    expect(left()).toEqual([]);
    expect(existsSync(output)).toBe(false);
  });
});
