// SPDX-License-Identifier: Apache-2.0
import type { Decode } from './codec.js';
import { loadLarge, startWasm } from './wasm.js';

/** Loads the zstd decoder; each page is one frame. Throws `DumpError` if it can't be started. */
export async function loadZstd(): Promise<Decode> {
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await startWasm('zstd', () => {
    // The package loads itself with fetch(data:…) if there is a fetch. Node's takes 30 ms to load, and this program
    // needs no network stack. Without fetch the package decodes the bytes from its own text.
    const fetch = Object.getOwnPropertyDescriptor(globalThis, 'fetch');
    Reflect.deleteProperty(globalThis, 'fetch');
    try {
      return loadLarge(() => decoder.init());
    } finally {
      if (fetch) Object.defineProperty(globalThis, 'fetch', fetch);
    }
  });
  return (input, size) => {
    try {
      const page = decoder.decode(input, size);
      // On errors the decoder returns an array of another length; it never throws by itself.
      return page.length === size ? page : null;
    } catch {
      return null;
    }
  };
}

const MAGIC = 0xfd2fb528;
const SINGLE_SEGMENT = 0x20;
/** Sizes in bytes of the dictionary ID and the content size field, by their flags in the frame header descriptor. */
const ID_BYTES = [0, 1, 2, 4] as const;
const SIZE_BYTES = [0, 2, 4, 8] as const;

/** Content size in bytes that a zstd frame declares (RFC 8878, 3.1.1.1); null if there is none, or no zstd frame. */
export function contentSize(frame: Uint8Array): number | null {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 18 || view.getUint32(0, true) !== MAGIC) return null;
  const descriptor = view.getUint8(4);
  const isSingle = (descriptor & SINGLE_SEGMENT) !== 0;
  const at = 5 + (isSingle ? 0 : 1) + (ID_BYTES[descriptor & 3] as number);
  switch (SIZE_BYTES[descriptor >> 6]) {
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return Number(view.getBigUint64(at, true));
    default:
      return isSingle ? view.getUint8(at) : null;
  }
}
