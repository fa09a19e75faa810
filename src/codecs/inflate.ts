// SPDX-License-Identifier: Apache-2.0
import inflateModule from '#wasm/inflate.cjs';
import type { Decode } from './codec.js';

/** What is used of WebAssembly, which the types of Node.js 20 do not have. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Exports };
};

/** What wasm/inflate/ exports. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly INPUT: { readonly value: number };
  readonly OUTPUT: { readonly value: number };
  readonly MOST: { readonly value: number };
  readonly start: () => void;
  /** Decodes `length` bytes at INPUT to `size` bytes at OUTPUT; 0 if zlib refuses them, or if they decode to another size. */
  readonly inflate: (length: number, size: number, isZlib: number) => number;
}

/** Decoders in WebAssembly that accept what zlib accepts, and no more. */
export interface Inflate {
  readonly zlib: Decode;
  readonly deflate: Decode;
  /** Most bytes of a stream, and of what it decodes to; others return null. */
  readonly most: number;
}

/** Bytes that are allocated at once, for a few pages: to allocate each of them takes longer than to copy it. */
const AT_ONCE = 16384;

/** Makes arrays, some of which share a buffer: while one of them is used, so is the memory of the others. */
function allocator(): (size: number) => Uint8Array {
  let buffer = new ArrayBuffer(0);
  let used = 0;
  return (size) => {
    if (used + size > buffer.byteLength) {
      buffer = new ArrayBuffer(Math.max(size, AT_ONCE));
      used = 0;
    }
    used += size;
    return new Uint8Array(buffer, used - size, size);
  };
}

/**
 * Starts the decoders. Throws `Error` if Node.js runs without WebAssembly, or if the address space that its memory needs can't be had.
 */
export function startInflate(): Inflate {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(inflateModule, 'base64')));
  const { memory, INPUT, OUTPUT, MOST, start, inflate } = instance.exports;
  start();
  const [input, output, most] = [INPUT.value, OUTPUT.value, MOST.value];
  const room = allocator();
  // The memory does not grow, so this stays valid.
  const bytes = new Uint8Array(memory.buffer);
  const decoder =
    (isZlib: number): Decode =>
    (stream, size) => {
      if (stream.length > most || size > most) return null;
      bytes.set(stream, input);
      if (inflate(stream.length, size, isZlib) === 0) return null;
      const page = room(size);
      page.set(bytes.subarray(output, output + size));
      return page;
    };
  return { zlib: decoder(1), deflate: decoder(0), most };
}
