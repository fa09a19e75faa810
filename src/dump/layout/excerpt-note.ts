// SPDX-License-Identifier: Apache-2.0
// The note of an excerpt: what was found missing in the dump that it was made from, so that both give the same reasons.
import { PAGE_SIZE, PHYSICAL_LIMIT } from '../../core/address.js';
import type { Bytes } from '../../core/bytes.js';
import type { FrameGap } from '../../core/memory.js';
import { lowerBound } from '../../core/search.js';

/** Frames `start` to `end` - 1, which the dump does not have. */
export interface GapRun {
  readonly start: number;
  readonly end: number;
  readonly gap: FrameGap;
}

/** What an excerpt records of its dump. */
export interface ExcerptFacts {
  /** `FrameSource.limit` of the dump. */
  readonly limit: number | undefined;
  /** Ascending, without overlaps. */
  readonly gaps: readonly GapRun[];
}

const REASONS: readonly string[] = [
  'excluded',
  'outside',
  'cut-off',
  'undecodable',
  'unreadable',
  'absent',
] satisfies FrameGap['reason'][];
const WRITERS: readonly unknown[] = ['makedumpfile', 'excerpt', undefined] satisfies FrameGap['by'][];
/** Largest text of the note: more than 100,000 gaps. */
const MOST_BYTES = 16 * 1024 * 1024;
const FRAMES = PHYSICAL_LIMIT / PAGE_SIZE;

/** The contents of the note, in JSON: {"limit": frame, "gaps": [[start, end, reason, message, by]]}. */
export function excerptNote({ limit, gaps }: ExcerptFacts): Uint8Array {
  const rows = gaps.map(({ start, end, gap: { reason, message, by } }) => [start, end, reason, message, by]);
  return Buffer.from(JSON.stringify({ limit, gaps: rows }));
}

/** Reads the note. Damaged contents count as empty: the gaps are then those of an excerpt that records none. */
export function readExcerptNote(bytes: Bytes): ExcerptFacts {
  const nothing: ExcerptFacts = { limit: undefined, gaps: [] };
  if (bytes.length === 0 || bytes.length > MOST_BYTES) return nothing;
  const { limit, gaps } = parsed(Buffer.from(bytes.array()).toString()) ?? {};
  if (!Array.isArray(gaps)) return nothing;
  const runs = gaps.map(runOf);
  if (!runs.every((run, i) => run !== null && run.start >= (runs[i - 1]?.end ?? 0))) return nothing;
  return { limit: isFrame(limit) ? limit : undefined, gaps: runs as GapRun[] };
}

function parsed(text: string): { limit?: unknown; gaps?: unknown } | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

const isFrame = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= FRAMES;

function runOf(row: unknown): GapRun | null {
  if (!Array.isArray(row)) return null;
  const [start, end, reason, message, by] = row.map((each: unknown) => each ?? undefined);
  const isValid = isFrame(start) && isFrame(end) && start < end && REASONS.includes(reason as string);
  if (!isValid || typeof message !== 'string' || !WRITERS.includes(by)) return null;
  const gap = { reason, message, ...(by === undefined ? {} : { by }) } as FrameGap;
  return { start, end, gap };
}

/** Why an excerpt does not have a frame. */
export function excerptGap({ gaps }: ExcerptFacts, frame: number): FrameGap {
  const run = runAt(gaps, frame);
  return run !== null && run.start <= frame
    ? run.gap
    : { reason: 'excluded', message: 'the file is an excerpt, made for other addresses', by: 'excerpt' };
}

/** The next frame that is missing for another reason than `frame`, or may be; at most `end`. */
export function excerptGapEnd({ gaps }: ExcerptFacts, frame: number, end: number): number {
  const run = runAt(gaps, frame);
  if (run === null) return end;
  return Math.min(end, run.start <= frame ? run.end : run.start);
}

/** The run that has a frame, or else the first one after it; null if there is none. */
const runAt = (gaps: readonly GapRun[], frame: number): GapRun | null =>
  gaps[lowerBound(gaps.length, (i) => (gaps[i] as GapRun).end > frame)] ?? null;
