// SPDX-License-Identifier: Apache-2.0
import type { Decode } from './codec.js';
import { decodeLz4 } from './lz4.js';
import { decodeKernelLzo, decodeLzo } from './lzo.js';
import { loadSnappy } from './snappy.js';
import { decodeDeflate, decodeZlib } from './zlib.js';
import { loadZstd } from './zstd.js';

export type { Decode } from './codec.js';

export type CodecName = 'zlib' | 'lzo' | 'snappy' | 'zstd';

/** Loads the decoder of a codec. Some load asynchronously, so this must be done before pages are read. */
export const codecs: Readonly<Record<CodecName, () => Decode | Promise<Decode>>> = {
  zlib: () => decodeZlib,
  lzo: () => decodeLzo,
  snappy: loadSnappy,
  zstd: loadZstd,
};

/** Decoders of the kernel's compression algorithms, by their names there (crypto/, drivers/block/zram), that are loaded. */
const OF_KERNEL = new Map<string, Decode>([
  ['lzo', decodeKernelLzo],
  ['lzo-rle', decodeKernelLzo],
  ['lz4', decodeLz4],
  // Another compressor for the same format.
  ['lz4hc', decodeLz4],
  ['deflate', decodeDeflate],
]);

/** Loads those that load asynchronously. Throws `DumpError` if one can't be started. */
export async function loadKernelCodecs(): Promise<void> {
  if (!OF_KERNEL.has('zstd')) OF_KERNEL.set('zstd', await loadZstd());
}

/** The decoder of a compression algorithm of the kernel; null if there is none, or if it has not been loaded. */
export const kernelCodec = (algorithm: string): Decode | null => OF_KERNEL.get(algorithm) ?? null;
