// SPDX-License-Identifier: Apache-2.0
import { gunzipSync } from 'node:zlib';
import type * as XzDecompress from 'xz-decompress';
import { contentSize, loadZstd } from './zstd.js';

/** A module with its debug information has 20 to 60 MB, a whole kernel up to 1 GB. */
const MOST = 2 ** 31 - 1;

/** How a whole file is compressed, told by its first bytes. */
interface WholeFile {
  readonly name: string;
  readonly magic: readonly number[];
  /** The program that does the same. */
  readonly unpack: string;
  /** Throws for what can't be decoded. */
  decode(file: Uint8Array): Promise<Uint8Array>;
}

const forms: readonly WholeFile[] = [
  {
    name: 'gzip',
    magic: [0x1f, 0x8b],
    unpack: 'gzip -d',
    decode: (file) => Promise.resolve(gunzipSync(file, { maxOutputLength: MOST })),
  },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: 'zstd -d', decode: decodeZstd },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], unpack: 'xz -d', decode: decodeXz },
];

/** The way a file that begins like this is compressed as a whole; null for one that is not. */
export const wholeForm = (start: Uint8Array): WholeFile | null =>
  forms.find(({ magic }) => magic.every((byte, i) => start[i] === byte)) ?? null;

/** One frame that says how long it is, as the zstd program writes for a file. */
async function decodeZstd(file: Uint8Array): Promise<Uint8Array> {
  const size = contentSize(file);
  if (size === null || size > MOST) throw new Error('its frame does not say how long it is, or says more than 2 GiB');
  const whole = (await loadZstd())(file, size);
  if (whole === null) throw new Error(`no frame of ${size} bytes`);
  return whole;
}

/** xz without a filter for machine code, as modules and debug files are packed. */
async function decodeXz(file: Uint8Array): Promise<Uint8Array> {
  // A CommonJS module, which some loaders wrap and others do not.
  const loaded = (await import('xz-decompress')) as unknown as { default?: typeof XzDecompress } & typeof XzDecompress;
  const { XzReadableStream } = loaded.default ?? loaded;
  const compressed = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(file);
      controller.close();
    },
  });
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of new XzReadableStream(compressed) as unknown as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > MOST) throw new Error(`more than ${MOST} bytes come out of it`);
    // The decoder uses its buffer again.
    parts.push(part.slice());
  }
  return Buffer.concat(parts);
}
