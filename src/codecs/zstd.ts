// SPDX-License-Identifier: Apache-2.0
import type { Decode } from './codec.js';

/** One zstd frame a page. The decoder is WebAssembly inside its package; it must be started before the first page. */
export async function loadZstd(): Promise<Decode> {
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  // The package starts itself through fetch(data:…) where there is a fetch. Node's takes 30 ms to load, and this
  // program has no business with a network stack: without it the package takes the bytes from its own text.
  const fetch = Object.getOwnPropertyDescriptor(globalThis, 'fetch');
  Reflect.deleteProperty(globalThis, 'fetch');
  const ready = decoder.init();
  if (fetch) Object.defineProperty(globalThis, 'fetch', fetch);
  await ready;
  return (input, size) => {
    try {
      const page = decoder.decode(input, size);
      // On any error the decoder returns an array of another length; it never throws by itself.
      return page.length === size ? page : null;
    } catch {
      return null;
    }
  };
}
