// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import type { FrameGap } from '../core/memory.js';
import type { GapRun } from './layout/excerpt-note.js';

/** Which frames of an image were read, and which were found missing, and why. */
export class Recording {
  readonly #seen = new Set<Pfn>();
  /** By first frame. */
  readonly #gaps = new Map<Pfn, GapRun>();

  saw(frame: Pfn): void {
    this.#seen.add(frame);
  }

  /** Records that the frames from `frame` to `end` - 1 are missing. */
  missed(frame: Pfn, end: number, gap: FrameGap): void {
    const known = this.#gaps.get(frame);
    if (known === undefined || known.end < end) this.#gaps.set(frame, { start: frame, end, gap });
  }

  /** The frames that were read, ascending. */
  get seen(): Pfn[] {
    return [...this.#seen].sort((a, b) => a - b);
  }

  /** The missing frames, ascending; neighbours that are missing for the same reason are joined. */
  get gaps(): GapRun[] {
    const joined: GapRun[] = [];
    for (const run of [...this.#gaps.values()].sort((a, b) => a.start - b.start)) {
      const last = joined.at(-1);
      if (last === undefined || run.start > last.end) joined.push(run);
      else if (run.gap.message !== last.gap.message) joined.push({ ...run, start: last.end });
      else if (run.end > last.end) joined[joined.length - 1] = { ...last, end: run.end };
    }
    return joined.filter(({ start, end }) => start < end);
  }
}
