// SPDX-License-Identifier: Apache-2.0

/** 64 bits of a text, as two sums of 32 (FNV-1a, from its start and from its end): enough for damage. */
export function sumOf(text: string): string {
  let [forward, backward] = [0x811c9dc5, 0x811c9dc5];
  for (let i = 0; i < text.length; i++) {
    forward = Math.imul(forward ^ text.charCodeAt(i), 0x01000193);
    backward = Math.imul(backward ^ text.charCodeAt(text.length - 1 - i), 0x01000193);
  }
  return [forward, backward].map((sum) => (sum >>> 0).toString(16).padStart(8, '0')).join('');
}
