// SPDX-License-Identifier: Apache-2.0
// Dumps that are opened in this process, and what is at their frames.
import { pfn } from '../../src/core/address.js';
import { Bytes } from '../../src/core/bytes.js';
import { DumpError } from '../../src/core/errors.js';
import { silentLog } from '../../src/core/log.js';
import type { ByteSource } from '../../src/core/memory.js';
import type { DumpImage } from '../../src/dump/image.js';
import { type InputFormat, openImage } from '../../src/dump/open.js';
import { PhysicalMemory } from '../../src/dump/physical.js';
import { openImage as openPaths } from '../../src/open.js';

/** Bytes that stand for a file, which ends where they end. */
export class FileInMemory implements ByteSource {
  readonly name = 'test';
  readonly size: number;
  constructor(readonly bytes: Uint8Array) {
    this.size = bytes.length;
  }
  read(offset: number, length: number): Bytes {
    if (offset + length > this.size)
      throw new DumpError(`read of ${length} at ${offset} of ${this.size}`, { code: 'truncated' });
    return Bytes.of(this.bytes.subarray(offset, offset + length), { source: 'test', offset });
  }
}

/** A page that differs from the pages of other seeds, in every 64 bytes of it. */
export const pageOf = (seed: number): Uint8Array =>
  Uint8Array.from({ length: 4096 }, (_, i) => (i % 64 === 0 ? (seed * 31 + i / 64) & 0xff : seed & 0xff));

export const open = (bytes: Uint8Array): Promise<DumpImage> => openImage([new FileInMemory(bytes)]);

/** The page of a frame, or why there is none. */
export async function frameOf(bytes: Uint8Array, frame: number): Promise<Uint8Array | string> {
  const image = await open(bytes);
  const view = image.frame(pfn(frame));
  return view === null ? image.why(pfn(frame)).reason : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Stretches of physical memory: where each begins, and its bytes in hexadecimal or why there are none. */
export const stretches = (image: DumpImage, address: number, length: number) =>
  [...new PhysicalMemory(image).read(address, length)].map(({ address: at, bytes, gap }) => [
    at,
    bytes === null ? gap?.reason : Buffer.from(bytes).toString('hex'),
  ]);

/** What is at each of these frames of a dump of one file or several: the first byte, or why there is none. */
export async function framesIn(paths: readonly string[], wanted: readonly number[], inputFormat: InputFormat = 'auto') {
  const said: string[] = [];
  const { memory, close } = await openPaths(paths, {
    inputFormat,
    log: { ...silentLog, warn: (text) => said.push(text) },
  });
  const found = wanted.flatMap((frame) =>
    [...memory.read(frame * 4096, 4096)].map(({ bytes, gap }) => bytes?.[0] ?? gap?.reason),
  );
  close();
  return { found, said: said.join('\n') };
}
