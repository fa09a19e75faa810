// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import type { Pfn } from '../core/address.js';
import { type FrameRun, KdumpSink } from './kdump-sink.js';
import type { NewNote } from './notes.js';

/** Contents of a kdump file to be written. */
export interface KdumpContents {
  /** The six texts of struct new_utsname. Readers need the first five. */
  readonly uts: readonly string[];
  readonly physBase: bigint;
  readonly notes: readonly NewNote[];
  /** Ascending. */
  readonly frames: readonly Pfn[];
  readonly page: (frame: Pfn) => Uint8Array;
}

/** makedumpfile's number for a dump from which all that can be left out was. */
const EVERYTHING_LEFT_OUT = 31;
/** Pages written per turn of the event loop. */
const PAGES_PER_TURN = 64;
const BEST_COMPRESSION = 9;

/** Writes a kdump-compressed file with some frames. `path` must exist, and be empty. */
export async function writeKdump(path: string, { frames, page, ...about }: KdumpContents): Promise<void> {
  const descriptor = openSync(path, 'r+');
  try {
    const limit = (frames.at(-1) ?? 0) + 1;
    const details = {
      ...about,
      limit,
      most: frames.length,
      isExact: true,
      level: EVERYTHING_LEFT_OUT,
      compression: BEST_COMPRESSION,
    };
    const sink = new KdumpSink(descriptor, details);
    for (const [i, frame] of frames.entries()) {
      if (i % PAGES_PER_TURN === 0) await eventLoopTurn();
      sink.add(frame, page(frame));
    }
    const runs = runsOf(frames);
    sink.finish(runs, runs);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Ascending frames as runs. */
function runsOf(frames: readonly Pfn[]): FrameRun[] {
  const runs: { first: number; pages: number }[] = [];
  for (const frame of frames) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.pages === frame) last.pages++;
    else runs.push({ first: frame, pages: 1 });
  }
  return runs;
}
