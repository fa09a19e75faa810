// SPDX-License-Identifier: Apache-2.0
import { gunzipSync } from 'node:zlib';
import type * as XzDecompress from 'xz-decompress';
import { contentSize, loadZstd } from './zstd.js';

/** Most bytes of an unpacked file. A module with debug information has 20 to 60 MB, a kernel up to 1 GB. */
const MOST = 2 ** 31 - 1;

/** A format in which a whole file is compressed, recognised by its first bytes. */
interface WholeFile {
  readonly name: string;
  readonly magic: readonly number[];
  /** The command that decompresses it. */
  readonly unpack: string;
  /** Throws `Error` if the file can't be decoded. */
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

/** The compression of a file that begins with the bytes `start`; null if none is recognised. */
export const wholeForm = (start: Uint8Array): WholeFile | null =>
  forms.find(({ magic }) => magic.every((byte, i) => start[i] === byte)) ?? null;

/** Decodes a single frame with a content size, which is what the zstd program writes for a file. */
async function decodeZstd(file: Uint8Array): Promise<Uint8Array> {
  const size = contentSize(file);
  if (size === null || size > MOST) throw new Error('its zstd frame has no content size, or one of more than 2 GiB');
  const whole = (await loadZstd())(file, size);
  if (whole === null) throw new Error(`its zstd frame does not decode to ${size} bytes`);
  return whole;
}

/** Decodes xz without BCJ filters (for machine code), as modules and debug files are compressed. */
async function decodeXz(file: Uint8Array): Promise<Uint8Array> {
  // A CommonJS module, which only some loaders wrap.
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
    if (size > MOST) throw new Error(`it decompresses to more than ${MOST} bytes`);
    // The decoder reuses its buffer.
    parts.push(part.slice());
  }
  return Buffer.concat(parts);
}
