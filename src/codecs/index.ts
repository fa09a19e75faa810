// SPDX-License-Identifier: Apache-2.0
import type { Decode } from './codec.js';
import { decodeLzo } from './lzo.js';
import { loadSnappy } from './snappy.js';
import { decodeZlib } from './zlib.js';
import { loadZstd } from './zstd.js';

export type { Decode } from './codec.js';

export type CodecName = 'zlib' | 'lzo' | 'snappy' | 'zstd';

/** Decoders by name; some are started only when first asked for, which can't be done while a page is being read. */
export const codecs: Readonly<Record<CodecName, () => Decode | Promise<Decode>>> = {
  zlib: () => decodeZlib,
  lzo: () => decodeLzo,
  snappy: loadSnappy,
  zstd: loadZstd,
};
