// SPDX-License-Identifier: Apache-2.0
// A simple LZ4 compressor, after the description of the block format.

/** The length beyond the 15 that fits in a token. */
function rest(length: number): number[] {
  if (length < 15) return [];
  const bytes = Array.from({ length: Math.floor((length - 15) / 255) }, () => 255);
  return [...bytes, (length - 15) % 255];
}

function sequence(literals: Uint8Array, match: number, distance: number): number[] {
  const token = (Math.min(literals.length, 15) << 4) | (match === 0 ? 0 : Math.min(match - 4, 15));
  const end = match === 0 ? [] : [distance & 255, distance >> 8, ...rest(match - 4)];
  return [token, ...rest(literals.length), ...literals, ...end];
}

/** An LZ4 block. Matches are searched for at the last place with the same four bytes. */
export function pack(input: Uint8Array): Uint8Array {
  const out: number[] = [];
  const last = new Map<string, number>();
  let from = 0;
  for (let at = 0; at < input.length - 12; ) {
    const key = input.subarray(at, at + 4).join();
    const before = last.get(key);
    last.set(key, at);
    if (before === undefined) {
      at++;
      continue;
    }
    let length = 4;
    while (at + length < input.length - 5 && input[before + length] === input[at + length]) length++;
    out.push(...sequence(input.subarray(from, at), length, at - before));
    at += length;
    from = at;
  }
  out.push(...sequence(input.subarray(from), 0, 0));
  return Uint8Array.from(out);
}
