// SPDX-License-Identifier: Apache-2.0
import type { Decode } from './codec.js';
import { decodeLzo } from './lzo.js';
import { loadSnappy } from './snappy.js';
import { decodeZlib } from './zlib.js';
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
