// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import type { FrameRun } from './kdump-sink.js';
import type { Begun, MemorySink } from './memory-sinks.js';
import type { NewNote } from './notes.js';
import type { Progress } from './progress.js';

/** Pages of the memory that follow each other (at most 1 MiB), or pages that are missing. */
export interface ExtractedPiece {
  readonly page: number;
  readonly pages: number;
  readonly bytes: Uint8Array | null;
}

/** Memory to be written. */
export interface ExtractSource {
  /** The frames that the machine has, ascending. */
  readonly memory: readonly FrameRun[];
  /** What they hold, from a frame on, ascending. */
  readonly pieces: (from: number) => Iterable<ExtractedPiece>;
  /** Called once if a file is continued, with the frames that were missing before: `pieces` does not give them again. */
  readonly onMissed: (runs: readonly FrameRun[]) => void;
  readonly sink: (descriptor: number, begun: Begun | null) => MemorySink;
  /** The notes of the file, made at the end. */
  readonly notes: () => readonly NewNote[];
  /** Called for each piece. `done`: part of all, 0 to 1. */
  readonly onProgress: (done: number) => void;
}

/** Pieces per turn of the event loop, in which signals are handled. */
const PER_TURN = 256;
/** Pages after which the state of a file is recorded: 64 MiB. */
export const PER_RECORD = 16_384;

/** Writes memory to a file that exists. `progress`: where it is recorded, and from where it continues; null for nowhere. */
export async function writeMemory(
  path: string,
  source: ExtractSource,
  progress: Progress | null,
  every = PER_RECORD,
): Promise<FrameRun[]> {
  const descriptor = openSync(path, 'r+');
  try {
    const begun = progress?.begun ?? null;
    const written: { first: number; pages: number }[] = (begun?.written ?? []).map((run) => ({ ...run }));
    const sink = source.sink(descriptor, begun);
    const all = source.memory.reduce((sum, { pages }) => sum + pages, 0);
    let [turn, unrecorded] = [0, 0];
    const next = progress?.next ?? 0;
    let done = source.memory.reduce((sum, run) => sum + pagesBefore(run, next), 0);
    if (begun !== null) source.onMissed(missedBefore(source.memory, written, next));
    for (const { page, pages, bytes } of source.pieces(next)) {
      if (bytes !== null) {
        sink.add(page, bytes);
        extend(written, page, pages);
      }
      done += pages;
      source.onProgress(done / all);
      if (turn++ % PER_TURN === 0) await eventLoopTurn();
      unrecorded += pages;
      if (progress === null || unrecorded < every) continue;
      sink.flush();
      fsyncSync(descriptor);
      progress.record(page + pages, sink.position, written);
      unrecorded = 0;
    }
    sink.finish(source.memory, written, source.notes());
    fsyncSync(descriptor);
    return written;
  } finally {
    closeSync(descriptor);
  }
}

function extend(written: { first: number; pages: number }[], page: number, pages: number): void {
  const last = written.at(-1);
  if (last !== undefined && last.first + last.pages === page) last.pages += pages;
  else written.push({ first: page, pages });
}

/** The frames of `memory` below `next` that were not written. Both lists ascend, and each run of `written` is in one of `memory`. */
function missedBefore(memory: readonly FrameRun[], written: readonly FrameRun[], next: number): FrameRun[] {
  const missed: FrameRun[] = [];
  let index = 0;
  for (const { first, pages } of memory) {
    const end = Math.min(first + pages, next);
    for (let at = first; at < end; ) {
      const run = written[index];
      const stop = Math.min(run?.first ?? end, end);
      if (stop > at) missed.push({ first: at, pages: stop - at });
      if (run === undefined || run.first >= end) break;
      at = run.first + run.pages;
      index++;
    }
  }
  return missed;
}

/** Number of pages of a run that are below a page. */
const pagesBefore = ({ first, pages }: FrameRun, page: number): number => Math.max(0, Math.min(pages, page - first));
