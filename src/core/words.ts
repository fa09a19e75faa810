// SPDX-License-Identifier: Apache-2.0

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The little-endian 32-bit numbers of the first `length` bytes of a view, whole ones only. They can share its memory. */
export function wordsOf(view: DataView, length = view.byteLength): Uint32Array {
  const count = length >>> 2;
  if (LITTLE_ENDIAN && view.byteOffset % 4 === 0) return new Uint32Array(view.buffer, view.byteOffset, count);
  return Uint32Array.from({ length: count }, (_, i) => view.getUint32(i * 4, true));
}
