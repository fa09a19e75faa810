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

/**
 * Loads the decoder of a compression algorithm of the kernel, by its name there (crypto/, drivers/block/zram); null if there is
 * none. Throws `DumpError` if it can't be started.
 */
export function kernelCodec(algorithm: string): Decode | Promise<Decode> | null {
  switch (algorithm) {
    case 'lzo':
    case 'lzo-rle':
      return decodeKernelLzo;
    // lz4hc is another compressor for the same format.
    case 'lz4':
    case 'lz4hc':
      return decodeLz4;
    case 'zstd':
      return loadZstd();
    case 'deflate':
      return decodeDeflate;
    default:
      return null;
  }
}
