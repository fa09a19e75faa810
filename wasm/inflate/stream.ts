// SPDX-License-Identifier: Apache-2.0
// The stream that is decoded, bit by bit, and what it was decoded to. Other modules can't assign to these variables, so they leave
// them by means of a function.

/** Bits that were read but not used yet, the next one lowest, and how many there are. Above them may be bits of the bytes at `next`. */
export let hold: u64 = 0;
export let held: u32 = 0;
/** The next byte of the stream that is not in `hold`, and the end of the stream. */
export let next: usize = 0;
export let end: usize = 0;
/** Where the next byte is written, and where the last one should end. */
export let out: usize = 0;
export let limit: usize = 0;

export function begin(input: usize, inputEnd: usize, output: usize, outputEnd: usize): void {
  leave(0, 0, input);
  end = inputEnd;
  out = output;
  limit = outputEnd;
}

/** Continues with these bits and bytes. */
export function leave(bits: u64, count: u32, from: usize): void {
  hold = bits;
  held = count;
  next = from;
}

/** Continues to write here. */
export function wrote(to: usize): void {
  out = to;
}

/** Fills `hold` to 56 bits or more. Beyond the end of the stream it reads whatever is there; isBeyond() tells. */
export function refill(): void {
  hold |= load<u64>(next) << held;
  next += (63 - held) >> 3;
  held |= 56;
}

/** Removes `bits` bits (less than 32) from `hold`, and returns them. */
export function take(bits: u32): u32 {
  const value = <u32>hold & (((<u32>1) << bits) - 1);
  hold >>= bits;
  held -= bits;
  return value;
}

/** Whether bits were used that are beyond the end of the stream. */
export function isBeyond(): boolean {
  return next - (held >> 3) > end;
}

/** Puts what is in `hold` back, from the next whole byte on. */
export function toByte(): void {
  leave(0, 0, next - (held >> 3));
}
