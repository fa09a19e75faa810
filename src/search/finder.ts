// SPDX-License-Identifier: Apache-2.0
import { BadPattern, bytePattern } from './pattern.js';

/** A match in a range of bytes. */
export interface Hit {
  /** Offset of its first byte. */
  readonly start: number;
  readonly length: number;
}

/** Something that is looked for in bytes. */
export interface Finder {
  /** The longest match, in bytes. Longer ones are not found, or are cut. */
  readonly longest: number;
  /** Number of bytes that are best searched at a time. */
  readonly step: number;
  /** Whether matches can overlap; else the search continues after each match. */
  readonly overlaps: boolean;
  /** The matches in `bytes` that begin at `from` or after it, and before `end`, ascending. */
  find(bytes: Buffer, from: number, end: number): Iterable<Hit>;
}

const MIB = 1024 * 1024;

/** Finds a sequence of bytes. `mask` (as long as `wanted`): the bits that must be equal; null for all. */
export function bytesFinder(wanted: Uint8Array, mask: Uint8Array | null): Finder {
  const longest = wanted.length;
  const known = mask === null ? { start: 0, end: wanted.length } : longestKnown(mask);
  const needle = Buffer.from(wanted.subarray(known.start, known.end));
  const isMatch = (bytes: Buffer, at: number): boolean =>
    mask === null || wanted.every((byte, i) => (((bytes[at + i] as number) ^ byte) & (mask[i] as number)) === 0);
  return {
    longest,
    step: 4 * MIB,
    overlaps: true,
    *find(bytes, from, end) {
      const last = Math.min(end - 1, bytes.length - longest);
      if (needle.length === 0) {
        for (let at = from; at <= last; at++) if (isMatch(bytes, at)) yield { start: at, length: longest };
        return;
      }
      for (let at = from; at <= last; at++) {
        at = bytes.indexOf(needle, at + known.start) - known.start;
        if (at < from || at > last) return;
        if (isMatch(bytes, at)) yield { start: at, length: longest };
      }
    },
  };
}

/** The longest part of a mask in which all bits are set. */
function longestKnown(mask: Uint8Array): { start: number; end: number } {
  let best = { start: 0, end: 0 };
  let start = 0;
  for (let end = 0; end <= mask.length; end++) {
    if (mask[end] === 0xff) continue;
    if (end - start > best.end - best.start) best = { start, end };
    start = end + 1;
  }
  return best;
}

/** Matches of a regular expression are at most this long. */
const LONGEST_MATCH = 0x10000;

/**
 * Finds matches of a regular expression (RE2's syntax, `bytePattern`). Throws `BadPattern`.
 * The time is linear in the number of bytes; to find one match takes at most that of reading all bytes that are searched at a
 * time, which are few for that reason.
 */
export async function regexFinder(pattern: string, longest = LONGEST_MATCH): Promise<Finder> {
  const bytes = bytePattern(pattern);
  // It is large, and no other command needs it.
  const { RE2JS } = await import('re2js');
  let compiled: ReturnType<typeof RE2JS.compile>;
  try {
    compiled = RE2JS.compile(bytes);
  } catch (error) {
    throw new BadPattern(error instanceof Error ? error.message : String(error));
  }
  return {
    longest,
    step: MIB / 4,
    overlaps: false,
    *find(bytes, from, end) {
      const matcher = compiled.matcher(bytes.toString('latin1'));
      for (let found = matcher.find(from); found; ) {
        const [start, stop] = [matcher.start(), matcher.end()];
        if (start >= end) return;
        const length = Math.min(stop - start, longest);
        if (length > 0) yield { start, length };
        found = length < stop - start ? matcher.find(start + length) : matcher.find();
      }
    },
  };
}
