// SPDX-License-Identifier: Apache-2.0
// Opens dumps in this process, and reads frames from them.
import { pfn } from '../../src/core/address.js';
import { Bytes } from '../../src/core/bytes.js';
import { DumpError } from '../../src/core/errors.js';
import { silentLog } from '../../src/core/log.js';
import type { ByteSource } from '../../src/core/memory.js';
import type { DumpImage } from '../../src/dump/image.js';
import { type InputFormat, openImage } from '../../src/dump/open.js';
import { PhysicalMemory } from '../../src/dump/physical.js';
import { openImage as openPaths } from '../../src/open.js';

/** A file that consists of these bytes. */
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

/** A page in which every block of 64 bytes differs from that of other seeds. */
export const pageOf = (seed: number): Uint8Array =>
  Uint8Array.from({ length: 4096 }, (_, i) => (i % 64 === 0 ? (seed * 31 + i / 64) & 0xff : seed & 0xff));

export const open = (bytes: Uint8Array): Promise<DumpImage> => openImage([new FileInMemory(bytes)]);

/** The page of a frame, or the reason why it is missing. */
export async function frameOf(bytes: Uint8Array, frame: number): Promise<Uint8Array | string> {
  const image = await open(bytes);
  const view = image.frame(pfn(frame));
  return view === null ? image.why(pfn(frame)).reason : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Physical memory in pieces: the address of each, and its bytes in hexadecimal or the reason why they are missing. */
export const stretches = (image: DumpImage, address: number, length: number) =>
  [...new PhysicalMemory(image).read(address, length)].map(({ address: at, bytes, gap }) => [
    at,
    bytes === null ? gap?.reason : Buffer.from(bytes).toString('hex'),
  ]);

/** For each of these frames of a dump of one or more files: its first byte, or the reason why it is missing. */
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
