// SPDX-License-Identifier: Apache-2.0
// The forms of dump files that people have, beside plain ELF and kdump: flattened, split, raw, LiME; and what is refused.
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { silentLog } from '../src/core/log.js';
import type { InputFormat } from '../src/dump/open.js';
import { openImage } from '../src/open.js';
import { elfCore, flattened, inPieces, type KdumpWish, kdump, lime, type Written } from './build/files.js';
import { type Need, needing } from './needs.js';
import { kvmVtop, SHARED } from './run.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-forms-'));
let count = 0;
function file(bytes: Uint8Array, name = `dump${count++}`): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const page = (seed: number) => Buffer.alloc(4096, seed);
/** What is at each of these frames: the first byte, or why there is none. */
async function frames(paths: readonly string[], wanted: readonly number[], inputFormat: InputFormat = 'auto') {
  const said: string[] = [];
  const { memory, close } = await openImage(paths, {
    inputFormat,
    log: { ...silentLog, warn: (text) => said.push(text) },
  });
  const found = wanted.flatMap((frame) =>
    [...memory.read(frame * 4096, 4096)].map(({ bytes, gap }) => bytes?.[0] ?? gap?.reason),
  );
  close();
  return { found, said: said.join('\n') };
}

const PAGES = new Map<number, Uint8Array | null>([
  [1, page(1)],
  [2, null],
  [3, page(3)],
  [40, page(40)],
  [41, page(41)],
]);
const WISH: KdumpWish = { version: 6, packing: 'zlib', pages: PAGES, frames: 64 };
const ASKED = [1, 2, 3, 40, 41, 50, 70];
const RIGHT = [1, 'excluded', 3, 40, 41, 'outside', 'outside'];

describe('flattened', () => {
  const plain = kdump(WISH);
  const ELF = elfCore({
    segments: [
      { paddr: 0x1000, bytes: page(1) },
      { paddr: 0x28000, bytes: page(40) },
    ],
  });

  test.each([[[4096]], [[100]], [[1]], [[7, 4096, 333]], [[1 << 20]]])(
    'kdump in records of %j bytes',
    async (sizes) => {
      const { found, said } = await frames([file(flattened(inPieces(plain, sizes)))], ASKED);
      expect({ found, said }).toEqual({ found: RIGHT, said: '' });
    },
  );

  test('ELF', async () => {
    expect((await frames([file(flattened(inPieces(ELF, [64, 1000])))], [1, 40, 2])).found).toEqual([1, 40, 'outside']);
  });

  test('records in any order; of those that overlap the last one counts', async () => {
    const wrong = Buffer.from(plain.subarray(0, 4096)).fill(0xff, 8);
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(inPieces(plain, [512]), { minLength: Math.ceil(plain.length / 512) }),
        async (order) => {
          const records: Written[] = [[0, wrong], ...order];
          expect((await frames([file(flattened(records), 'shuffled')], ASKED)).found).toEqual(RIGHT);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('cut off: what is there is answered, the rest is cut off and never zeros, and a warning says so', async () => {
    const records = inPieces(plain, [64]);
    for (const kept of [1, 2, 5]) {
      const { found, said } = await frames([file(flattened(records.slice(0, -kept), true))], ASKED);
      expect(said).toMatch(/the flattened dump has no end, it was cut off/);
      for (const [i, byte] of found.entries()) expect([RIGHT[i], 'cut-off']).toContain(byte);
      expect(found).toContain('cut-off');
    }
  });

  test('a hole is damage, not zeros', async () => {
    const records = inPieces(plain, [64]).filter((_, i, all) => i !== all.length - 2);
    expect((await frames([file(flattened(records))], ASKED)).found).toContain('cut-off');
  });

  test('a record far away does not make a table as long as the user’s memory', async () => {
    const head = elfCore({ segments: [{ paddr: 0x1000, bytes: page(1) }] });
    head.writeUInt16LE(0xffff, 56);
    head.writeBigUInt64LE(64n, 40);
    head.writeUInt32LE(0xffffffff, 64 + 44);
    await expect(
      frames(
        [
          file(
            flattened([
              [0, head],
              [2 ** 45, page(0)],
            ]),
          ),
        ],
        [1],
      ),
    ).rejects.toThrow(/too many to be meant/);
  });

  test('many records that do not follow each other', async () => {
    const far = 0x100000;
    const records = Array.from(
      { length: 100_000 },
      (_, i): Written => [far + ((i * 7919) % 100_000) * 64, page(i).subarray(0, 1 + (i % 3))],
    );
    expect(await frames([file(flattened([...inPieces(plain, [512]), ...records]))], ASKED)).toEqual({
      found: RIGHT,
      said: '',
    });
  });

  test('zeros behind the last record, records that can’t be', async () => {
    const cut = Buffer.concat([flattened(inPieces(plain, [64]), true), Buffer.alloc(1 << 16)]);
    expect((await frames([file(cut)], ASKED)).said).toMatch(/no end/);
    const wild = flattened([[0, plain]]);
    wild.writeBigInt64BE(-5n, 4096 + 8);
    await expect(frames([file(wild)], ASKED)).rejects.toThrow(/a record of -5 bytes for offset 0 of the dump/);
    await expect(frames([file(flattened([], true))], ASKED)).rejects.toThrow(/ends before its first record/);
  });
});

describe('split', () => {
  const part = (start: number, end: number, more: Partial<KdumpWish> = {}) =>
    kdump({ ...WISH, part: [start, end], ...more });

  test.each([2, 4, 6])('version %i, all parts in any order, flattened or not', async (version) => {
    const paths = [
      file(part(40, 41, { version })),
      file(flattened(inPieces(part(0, 40, { version }), [512]))),
      file(part(41, 64, { version })),
    ];
    for (const order of [paths, [...paths].reverse()])
      expect(await frames(order, ASKED)).toEqual({ found: RIGHT, said: '' });
  });

  test('a part is missing: its frames are named', async () => {
    const { found, said } = await frames([file(part(0, 40)), file(part(41, 64))], ASKED);
    expect(found).toEqual([1, 'excluded', 3, 'cut-off', 41, 'outside', 'outside']);
    expect(said).toMatch(/parts of the split dump are missing, with the frames 0x28 to 0x28$/);
    expect((await frames([file(part(0, 40))], ASKED)).said).toMatch(/the frames 0x28 to 0x3f/);
  });

  test.each([
    ['the same part twice', () => [part(0, 40), part(0, 40)], /has the frames of .* again/],
    [
      'parts of two dumps',
      () => [part(0, 40), part(40, 64, { timestamp: 7 })],
      /are parts of different dumps: .* written at/,
    ],
    ['a whole dump and a part', () => [kdump(WISH), part(0, 40)], /a whole dump, not a part of a split one/],
  ])('%s', async (_name, make, message) => {
    await expect(
      frames(
        make().map((bytes) => file(bytes)),
        ASKED,
      ),
    ).rejects.toThrow(message);
  });
});

describe('memory as it is', () => {
  const memory = Buffer.concat([page(0), page(1), page(2).subarray(0, 100)]);

  test('raw, if it is said', async () => {
    const path = file(memory);
    expect((await frames([path], [0, 1, 2, 3], 'raw')).found).toEqual([0, 1, 2, 'outside', 'outside']);
    await expect(frames([path], [0])).rejects.toThrow(/not a dump of a known form/);
  });

  const LIME = lime([
    { paddr: 0x1000, bytes: page(1) },
    { paddr: 0x100000, bytes: Buffer.concat([page(7), page(8)]) },
  ]);

  test('LiME, its ranges and their ends', async () => {
    expect(await frames([file(LIME)], [0, 1, 2, 256, 257, 258])).toEqual({
      found: ['outside', 1, 'outside', 7, 8, 'outside'],
      said: '',
    });
    const cut = await frames([file(LIME.subarray(0, -10))], [256, 257]);
    expect(cut.found).toEqual([7, 'cut-off']);
    expect(cut.said).toMatch(/the file ends inside its last range/);
    await expect(frames([file(Buffer.concat([LIME, Buffer.alloc(64)]))], [1])).rejects.toThrow(/no header of a range/);
  });
});

describe('what is refused says what it is', () => {
  const text = (start: string) => Buffer.from(`${start}${'\0'.repeat(200)}`, 'latin1');
  test.each<readonly [string, Uint8Array, RegExp]>([
    ['nothing', Buffer.alloc(0), /an empty file/],
    ['gzip', gzipSync(kdump(WISH)), /compressed as a whole by gzip; unpack it first: gzip -dk FILE/],
    ['zstd', text('\x28\xb5\x2f\xfd'), /by zstd; unpack it first: zstd -d/],
    ['xz', text('\xfd7zXZ\0'), /by xz; unpack it first: xz -dk/],
    ['Windows', text('PAGEDU64'), /a Windows dump/],
    ['LKCD', text('\xed\x23\x8f\x61\x73\x01\x19\xa8'), /an LKCD dump/],
    ['sadump', text('sadump\0\0'), /a sadump file/],
    ['VMware', text('\xd2\xbe\xd2\xbe'), /a VMware snapshot/],
    ['libvirt', text('LibvirtQemudSave'), /a libvirt save file; .*virsh dump --memory-only/],
    ['migration', text('QEVM'), /a QEMU migration or savevm stream/],
    ['qcow2', text('QFI\xfb'), /a QEMU disk image/],
    ['diskdump', text('DISKDUMP'), /an old diskdump file/],
    ['s390', text('\xa8\x19\x01\x73\x61\x8f\x23\xfd'), /a dump of an s390 machine/],
    ['aarch64', elfCore({ segments: [], machine: 183 }), /an ELF of machine aarch64/],
    [
      'Xen',
      elfCore({ segments: [], notes: [{ name: 'Xen', type: 1, desc: Buffer.alloc(8) }] }),
      /a dump of a Xen hypervisor/,
    ],
  ])('%s', (_name, bytes, message) => {
    const run = kvmVtop(['phys', '-c', file(bytes), '0']);
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toMatch(message);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('standard input', () => {
    expect(kvmVtop(['phys', '-c', '-', '0']).stderr).toMatch(/standard input can't be read here and there/);
    expect(kvmVtop(['-c', '/dev/stdin', '-p', '0']).stderr).toMatch(/standard input can't be read here and there/);
  });
});

describe('dumps of large machines, sparse', () => {
  const sparse = (name: string, pieces: readonly (readonly [number, Uint8Array])[], size: number) => {
    const path = join(folder, name);
    const descriptor = openSync(path, 'w');
    ftruncateSync(descriptor, size);
    for (const [at, bytes] of pieces) writeSync(descriptor, bytes, 0, bytes.length, at);
    closeSync(descriptor);
    return path;
  };

  test('an ELF core of 2 TiB', async () => {
    const head = elfCore({ segments: [{ paddr: 0, bytes: new Uint8Array(0), memsz: 2 ** 41 }] });
    // Its size in the file: as much as in memory.
    head.writeBigUInt64LE(2n ** 41n, 64 + 56 + 32);
    const start = head.length;
    const path = sparse(
      'large.elf',
      [
        [0, head],
        [start + 2 ** 40, page(7)],
      ],
      start + 2 ** 41,
    );
    expect((await frames([path], [2 ** 28, 2 ** 28 + 1, 2 ** 29])).found).toEqual([7, 0, 'outside']);
  });

  test('a kdump with bitmaps for 16 TiB', async () => {
    const small = kdump({ version: 6, packing: 'raw', pages: new Map([[5, page(5)]]), frames: 32 });
    const [half, table] = [2 ** 32 / 8, 8192 + 2 ** 30];
    const head = Buffer.from(small.subarray(0, 8192));
    head.writeUInt32LE((2 * half) / 4096, 436);
    head.writeBigUInt64LE(2n ** 32n, 4096 + 96);
    const descriptor = Buffer.from(small.subarray(8192 + 2 * 4096, 8192 + 2 * 4096 + 24));
    descriptor.writeBigUInt64LE(BigInt(table + 24), 0);
    const bit = Buffer.from([1 << 5]);
    const path = sparse(
      'large.kdump',
      [
        [0, head],
        [8192, bit],
        [8192 + half, bit],
        [table, descriptor],
        [table + 24, page(5)],
      ],
      table + 24 + 4096,
    );
    expect((await frames([path], [5, 6, 2 ** 32])).found).toEqual([5, 'outside', 'outside']);
    // A hole of a terabyte is one line, and is not gone through page by page.
    const hole = kvmVtop(['phys', '-c', path, '5fff', '-n', '1000000000001']);
    expect(hole).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^00005fff: 05 .*\n00006000: -- 1000000000000 bytes outside/),
    });
  });
});

const PEER = join(SHARED, 'peer-dumps', 'libkdumpfile');
interface Told {
  readonly files: readonly string[];
  readonly pages?: Readonly<Record<string, { readonly sha256?: string; readonly error?: string }>>;
}
const hasPeers = existsSync(PEER);
const peerDumps: Need = { name: `dumps of another suite in ${PEER}`, isThere: () => hasPeers, installable: false };
needing(peerDumps).describe("another suite's files", () => {
  const told = hasPeers
    ? (JSON.parse(readFileSync(join(PEER, 'answers.json'), 'utf8')) as Readonly<Record<string, Told>>)
    : {};
  /** Of other machines, formats that are not read, and empty ones. */
  const REFUSED = /i386|ppc64|s390x|arm|ia32|aarch64|elf-be|lkcd|sadump|zero-size|diskdump-empty|task_struct/;
  /** There libkdumpfile reads zeros where no segment has anything. */
  const ZEROS = /elf-(fractional|le|overlap|partial|virt-phys-clash)/;

  test.each(hasPeers ? Object.entries(told) : [['none', { files: [] }] as [string, Told]])(
    '%s',
    async (name, { files, pages = {} }) => {
      const paths = files.map((each) => join(PEER, each));
      if (REFUSED.test(name)) {
        await expect(openImage(paths)).rejects.toThrow(
          /only x86-64|32-bit|big-endian|LKCD|sadump|empty file|sub-header of 0/,
        );
        return;
      }
      const { memory, close } = await openImage(paths);
      for (const [frame, { sha256 }] of Object.entries(pages)) {
        const stretches = [...memory.read(Number(frame) * 4096, 4096)];
        const whole = stretches.length === 1 ? (stretches[0]?.bytes ?? null) : null;
        if (whole !== null) expect(createHash('sha256').update(whole).digest('hex')).toBe(sha256);
        else if (sha256 !== undefined) expect([name, frame]).toEqual([expect.stringMatching(ZEROS), '0']);
      }
      close();
    },
  );
});
