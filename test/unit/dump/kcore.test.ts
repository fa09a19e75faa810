// SPDX-License-Identifier: Apache-2.0
// /proc/kcore, as fs/proc/kcore.c makes it: segments of virtual memory, some of them with a physical address.
import { expect, test } from '@jest/globals';
import { pfn } from '../../../src/core/address.js';
import { openImage } from '../../../src/dump/open.js';
import { FileSource } from '../../../src/io/file-source.js';
import { elfCore } from '../../build/files.js';
import { FileInMemory, pageOf } from '../../build/images.js';
import { scratch } from '../../build/scratch.js';

const { file: written } = scratch('kcore');

const PHDR = 56;
const NOTES = [
  { name: 'CORE', type: 1, desc: Buffer.alloc(336) },
  { name: 'CORE', type: 3, desc: Buffer.alloc(136) },
  { name: 'VMCOREINFO', type: 0, desc: Buffer.from('OSRELEASE=6.12.0\n') },
];
const DIRECT = 0xffff888000000000n;
const NOWHERE = 0xffffffffffffffffn;
/** In the order of a host with 6.1: the image of the kernel, the vmalloc space, memory, the memory map, memory. */
const SEGMENTS = [
  { paddr: 0x2000, vaddr: 0xffffffff81000000n, bytes: pageOf(2) },
  { paddr: 0, vaddr: 0xffffc90000000000n, bytes: pageOf(9) },
  { paddr: 0x1000, vaddr: DIRECT + 0x1000n, bytes: Buffer.concat([pageOf(1), pageOf(2)]) },
  { paddr: 0, vaddr: 0xffffea0000000000n, bytes: pageOf(9) },
  { paddr: 0x8000, vaddr: DIRECT + 0x8000n, bytes: pageOf(8) },
];

interface Changes {
  /** The p_paddr of the segments without a physical address. */
  readonly nowhere?: bigint;
  /** The p_offset and sizes of the vmalloc space. */
  readonly vmalloc?: { readonly offset: bigint; readonly size: bigint };
  readonly notes?: typeof NOTES;
}

/** The file; `pages` are those of its memory, which can be changed. */
function kcore({ nowhere = NOWHERE, vmalloc, notes = NOTES }: Changes = {}) {
  const bytes = elfCore({ segments: SEGMENTS, notes });
  const header = (segment: number): number => 64 + (1 + segment) * PHDR;
  for (const segment of [1, 3]) bytes.writeBigUInt64LE(nowhere, header(segment) + 24);
  if (vmalloc !== undefined) {
    bytes.writeBigUInt64LE(vmalloc.offset, header(1) + 8);
    bytes.writeBigUInt64LE(vmalloc.size, header(1) + 32);
    bytes.writeBigUInt64LE(vmalloc.size, header(1) + 40);
  }
  let forgotten = 0;
  const file = Object.assign(new FileInMemory(bytes), {
    forget() {
      forgotten++;
    },
  });
  return { bytes, file, forgotten: () => forgotten };
}

const first = (view: DataView | null): number | null => view?.getUint8(1) ?? null;

test('its physical memory is the direct map', async () => {
  const image = await openImage([kcore().file]);
  expect(image.reader.description).toBe('live memory of the running kernel, 2 segments');
  expect(image.problems).toEqual([]);
  expect([0, 1, 2, 3, 8, 9].map((frame) => first(image.frame(pfn(frame))))).toEqual([null, 1, 2, null, 8, null]);
  expect(image.limit).toBe(9);
});

test('pages are read again after they were dropped', async () => {
  const { bytes, file, forgotten } = kcore();
  const image = await openImage([file]);
  const before = image.frame(pfn(8));
  const value = first(before);
  bytes.fill(0x77, bytes.lastIndexOf(pageOf(8)));
  image.live?.forget();
  expect(forgotten()).toBe(1);
  expect(first(image.frame(pfn(8)))).toBe(0x77);
  expect(value).toBe(8);
});

test('with 5-level page tables, offsets and sizes are beyond 2^53', async () => {
  const vmalloc = { offset: 0xe0_ffff_8000_0000n, size: 0x31_ffff_ffff_ffffn };
  const { bytes, file } = kcore({ vmalloc });
  // As on a host where the direct map begins at 0xff3c610480000000.
  const far = 0x3c6104_8000_0000n;
  const at = 64 + 3 * PHDR + 8;
  const near = Number(bytes.readBigUInt64LE(at));
  bytes.writeBigUInt64LE(far, at);
  const asked: bigint[] = [];
  const read = file.read.bind(file);
  const image = await openImage([
    Object.assign(file, {
      size: 0xff_ffff_ff00_3000,
      read(offset: number, length: number) {
        if (offset < Number(far)) return read(offset, length);
        asked.push(BigInt(offset));
        return read(near + offset - Number(far), length);
      },
    }),
  ]);
  expect([1, 2].map((frame) => first(image.frame(pfn(frame))))).toEqual([1, 2]);
  expect(asked).toEqual([far, far + 0x1000n]);
});

test('before Linux 4.11 no segment has a physical address', async () => {
  await expect(openImage([kcore({ nowhere: 0n }).file])).rejects.toThrow(
    'its segments have no physical addresses; they have from Linux 4.11 on',
  );
});

test('a core without the notes of a running kernel is a dump, also in procfs (/proc/vmcore)', async () => {
  const notes = NOTES.filter(({ type }) => type !== 3);
  const image = await openImage([kcore({ notes }).file]);
  expect(image.live).toBeUndefined();
  expect(image.reader.description).toMatch(/^ELF core/);
});

test('files of procfs can change, others do not', () => {
  const open = (path: string) => {
    const file = FileSource.open(path);
    file.close();
    return file.forget;
  };
  expect(open('/proc/version')).toBeInstanceOf(Function);
  expect(open(written(''))).toBeUndefined();
  expect(open(written('a dump'))).toBeUndefined();
});

test('/proc/kcore that cannot be opened says what it needs', () => {
  try {
    FileSource.open('/proc/kcore').close();
  } catch (error) {
    expect((error as Error).message).toMatch(
      /^\/proc\/kcore: .*; the memory of a running host can be read only by root \(CAP_SYS_RAWIO\)/,
    );
  }
});
