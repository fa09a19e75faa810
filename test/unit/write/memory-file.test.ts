// SPDX-License-Identifier: Apache-2.0
// Files that hold a machine's memory, read again by the readers of each format.
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Pfn, pfn } from '../../../src/core/address.js';
import { openImage } from '../../../src/open.js';
import type { ExtractSource } from '../../../src/write/extraction.js';
import { type FrameRun, KdumpSink } from '../../../src/write/kdump-sink.js';
import { continueMemoryFile, writeMemoryFile } from '../../../src/write/memory-file.js';
import { type Begun, ElfSink, LimeSink, type MemorySink, RawSink } from '../../../src/write/memory-sinks.js';
import { checkTarget, type Target } from '../../../src/write/target.js';
import { scratch } from '../../build/scratch.js';

const files = scratch('memory-file');
const MEMORY: readonly FrameRun[] = [
  { first: 0, pages: 40 },
  { first: 0x100, pages: 600 },
  { first: 0x2000, pages: 64 },
];
const ALL = MEMORY.reduce((sum, { pages }) => sum + pages, 0);
const framesIn = (runs: readonly FrameRun[]): number[] =>
  runs.flatMap(({ first, pages }) => Array.from({ length: pages }, (_, i) => first + i));
const frames = framesIn(MEMORY);

/** A page that differs from all others, and can be compressed. */
function page(frame: number): Uint8Array {
  const bytes = Buffer.alloc(4096, frame & 0xff);
  bytes.writeUInt32LE(frame, 0);
  bytes.writeUInt32LE(~frame >>> 0, 4092);
  return bytes;
}

const SINKS: Readonly<Record<string, (descriptor: number, begun: Begun | null) => MemorySink>> = {
  elf: (descriptor, begun) => new ElfSink(descriptor, begun),
  'elf with PN_XNUM': (descriptor, begun) => new ElfSink(descriptor, begun, 2),
  lime: (descriptor, begun) => new LimeSink(descriptor, begun),
  raw: (descriptor, begun) => new RawSink(descriptor, begun),
  kdump: (descriptor, begun) =>
    new KdumpSink(
      descriptor,
      {
        uts: ['Linux', 'guest', '6.1', '#1', 'x86_64', ''],
        physBase: 0n,
        notes: NOTES,
        limit: 0x2040,
        most: ALL,
        isExact: false,
        level: 0,
        compression: 1,
      },
      {
        position: begun?.position ?? null,
        count: begun?.written.reduce((sum, { pages }) => sum + pages, 0) ?? 0,
      },
    ),
};
const NOTES = [{ name: 'VMCOREINFO', type: 0, desc: Buffer.from('OSRELEASE=6.1\nPAGESIZE=4096\n') }];

/** `stopAt`: the frame before which reading fails. */
const sourceOf = (
  format: string,
  missing: ReadonlySet<number>,
  stopAt = Infinity,
  missed: number[] = [],
): ExtractSource => ({
  memory: MEMORY,
  *pieces(from) {
    for (const frame of frames) {
      if (frame < from) continue;
      if (frame >= stopAt) throw new Error('stopped');
      yield { page: frame, pages: 1, bytes: missing.has(frame) ? null : page(frame) };
    }
  },
  sink: SINKS[format] as (typeof SINKS)[string],
  onMissed: (runs) => missed.push(...framesIn(runs)),
  notes: () => NOTES,
  onProgress: () => undefined,
});

/** Checks that a file has these pages, and not the others. */
async function checkFile(path: string, format: string, missing: ReadonlySet<number>): Promise<void> {
  const opened = await openImage(path, { inputFormat: format === 'raw' ? 'raw' : 'auto' });
  try {
    const { image } = opened;
    for (const frame of [...frames, 40, 0xff, 0x100 + 600]) {
      const found = image.frame(frame as Pfn);
      const isThere = frames.includes(frame) && !missing.has(frame);
      if (isThere)
        expect(found !== null && Buffer.from(found.buffer, found.byteOffset, 4096).equals(page(frame))).toBe(true);
      // A raw file can't say what is missing: it is a hole.
      else if (format === 'raw') expect(found === null || found.getUint32(0, true) === 0).toBe(true);
      else expect(found).toBe(null);
    }
    if (format === 'kdump' && missing.size > 0)
      expect(image.why(pfn([...missing][0] as number)).reason).toBe('excluded');
    if (format.startsWith('elf') || format === 'kdump')
      expect(image.reader.vmcoreinfo?.text()).toBe('OSRELEASE=6.1\nPAGESIZE=4096\n');
  } finally {
    opened.close();
  }
}

const targetOf = (name: string) => checkTarget(join(files.folder, name), false, []);
const gaps = fc.uniqueArray(fc.constantFrom(...frames), { minLength: 1, maxLength: 200 }).map((list) => new Set(list));

test.each(Object.keys(SINKS))(
  '%s: what was written is read again, and what is missing stays missing',
  async (format) => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(gaps, async (missing) => {
        const target = targetOf(`${format}-${count++}`);
        const { written } = await writeMemoryFile(target, sourceOf(format, missing));
        expect(written.reduce((sum, { pages }) => sum + pages, 0)).toBe(ALL - missing.size);
        await checkFile(target.path, format, missing);
      }),
      { numRuns: 8 },
    );
  },
);

test.each(Object.keys(SINKS))('%s: a file that is continued is the same, byte for byte', async (format) => {
  const missing = new Set([3, 0x120, 0x121, 0x2010]);
  const whole = targetOf(`${format}-whole`);
  await writeMemoryFile(whole, sourceOf(format, missing));
  const target = targetOf(`${format}-parts`);
  const resume = (stopAt?: number) => {
    const from: number[] = [];
    const done = continueMemoryFile(
      target,
      { ...sourceOf(format, missing, stopAt) },
      'key',
      (next) => from.push(next),
      50,
    );
    return done.then(
      () => from,
      (error: unknown) => {
        if (!(error instanceof Error) || error.message !== 'stopped') throw error;
        return from;
      },
    );
  };
  expect(await resume(0x110)).toEqual([]);
  // What follows the last record may be on the disk in part.
  const partial = `${target.path}.partial`;
  truncateSync(partial, statSync(partial).size + 100);
  const [second] = await resume(0x200);
  expect(second).toBeGreaterThan(0);
  writeFileSync(`${partial}.state`, `${readFileSync(`${partial}.state`, 'utf8')}{"next":`);
  const [third] = await resume();
  expect(third).toBeGreaterThan(second as number);
  expect(readFileSync(target.path).equals(readFileSync(whole.path))).toBe(true);
  expect(readdirSync(files.folder).filter((name) => name.startsWith(`${format}-parts.`))).toEqual([]);
});

/** What becomes of a file that is not completed: the frame before which reading fails. */
const stopped = (target: Target, source: ExtractSource, key = 'one'): Promise<void> =>
  expect(continueMemoryFile(target, source, key, () => undefined, 50)).rejects.toThrow('stopped');

test('what was missing before a file is continued is counted, too', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(gaps, fc.constantFrom(0x28, 0x110, 0x200, 0x2020), async (missing, stopAt) => {
      const target = targetOf(`missed-${count++}`);
      await stopped(target, sourceOf('raw', missing, stopAt));
      const missed: number[] = [];
      const from: number[] = [0];
      const source = sourceOf('raw', missing, Infinity, missed);
      await continueMemoryFile(target, source, 'one', (next) => from.push(next), 50);
      expect(missed).toEqual(frames.filter((frame) => frame < (from.at(-1) as number) && missing.has(frame)));
    }),
    { numRuns: 30 },
  );
});

test.each(Object.keys(SINKS))(
  '%s: a file that was begun for something else is not continued, and nothing of it is left',
  async (format) => {
    const target = targetOf(`${format}-other`);
    await stopped(target, sourceOf(format, new Set(), 0x2020));
    const from: number[] = [];
    const missing = new Set([0, 0x1ff, 0x200]);
    await continueMemoryFile(target, sourceOf(format, missing), 'another', (next) => from.push(next), 50);
    expect(from).toEqual([]);
    await checkFile(target.path, format, missing);
    const whole = targetOf(`${format}-other-whole`);
    await writeMemoryFile(whole, sourceOf(format, missing));
    expect(readFileSync(target.path).equals(readFileSync(whole.path))).toBe(true);
  },
);

test('a file that is not one to be continued is left alone', async () => {
  const target = targetOf('foreign');
  const partial = `${target.path}.partial`;
  writeFileSync(partial, 'precious');
  const run = () => continueMemoryFile(target, sourceOf('raw', new Set()), 'key', () => undefined);
  await expect(run()).rejects.toThrow(`${partial} exists, and is not a file that can be continued; move it away`);
  expect(readFileSync(partial, 'utf8')).toBe('precious');
  expect(existsSync(`${partial}.lock`)).toBe(false);
});

test('two processes do not write one file; the lock of a process that has ended is not one', async () => {
  const target = targetOf('locked');
  writeFileSync(`${target.path}.partial.lock`, `${process.ppid}\n`);
  const run = () => continueMemoryFile(target, sourceOf('raw', new Set()), 'key', () => undefined);
  await expect(run()).rejects.toThrow(`is being written by process ${process.ppid}`);
  // In a container the next process often has the number of the last one.
  for (const [i, pid] of [999999999, process.pid].entries()) {
    const free = targetOf(`locked-${i}`);
    writeFileSync(`${free.path}.partial.lock`, `${pid}\n`);
    await continueMemoryFile(free, sourceOf('raw', new Set()), 'key', () => undefined);
    expect(existsSync(`${free.path}.partial.lock`)).toBe(false);
  }
});

// gABI, "Program Header": if there are PN_XNUM (0xffff) program headers or more, e_phnum is PN_XNUM, and sh_info of section header 0
// is their number. One of them is that of the notes.
test.each([
  [65_533, 65_534, null],
  [65_534, 0xffff, 65_535],
  [65_535, 0xffff, 65_536],
])('elf: the number of program headers of a file with %i segments', (segments, inHeader, inSection) => {
  const path = join(files.folder, `segments-${segments}`);
  const descriptor = openSync(path, 'w+');
  new ElfSink(descriptor, null).finish(
    [],
    Array.from({ length: segments }, (_, i) => ({ first: i * 2, pages: 1 })),
    [],
  );
  closeSync(descriptor);
  const bytes = readFileSync(path);
  const sectionsAt = Number(bytes.readBigUInt64LE(40));
  expect(bytes.readUInt16LE(56)).toBe(inHeader);
  expect(sectionsAt === 0 ? null : bytes.readUInt32LE(sectionsAt + 44)).toBe(inSection);
});

test('a file that fails leaves nothing', async () => {
  const before = readdirSync(files.folder);
  await expect(writeMemoryFile(targetOf('failed'), sourceOf('elf', new Set(), 0x300))).rejects.toThrow('stopped');
  expect(readdirSync(files.folder)).toEqual(before);
});
