// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { settled } from '../kernel/live.js';
import { type Mm, readMm } from '../kernel/mm.js';
import type { ContentsSource } from './contents.js';
import { MutableMmRun } from './mm-run.js';
import { MmSpace } from './mm-space.js';
import type { WalkStep } from './page-lookup.js';
import { keyOfRun, keyOfSteps, MOVED_GAP, moved, SettledRuns } from './settled-runs.js';
import type { Gap, RunCursor } from './space.js';

/** Throws `DumpError` if an mm_struct that was read again is not the one it was: the process has exited. */
export function checkSame(before: Mm, now: Mm): void {
  if (now.address !== before.address || now.root !== before.root)
    throw new DumpError('the process has exited while its memory was read', { code: 'no-process' });
}

/** The memory of a process of a running host: all that is returned was read twice. */
export class LiveMmSpace extends MmSpace {
  readonly #mm: Mm;
  #steps: readonly WalkStep[] = [];
  #source: ContentsSource = 'memory';

  constructor(host: Host, mm: Mm) {
    super(host, mm);
    this.#mm = mm;
  }

  #fresh(): MmSpace {
    const mm = readMm(this.host, this.#mm.address);
    checkSame(this.#mm, mm);
    return new MmSpace(this.host, mm);
  }

  override runs(first: number, end: number): RunCursor<MutableMmRun> {
    const reader = {
      read: (from: number, to: number) => Array.from(this.#fresh().runs(from, to), (run) => run.copy()),
      key: keyOfRun,
      moved: (page: number, pages: number) => moved(new MutableMmRun(this.deviceOf), page, pages),
    };
    return new SettledRuns(this.host, reader, first, end);
  }

  override page(page: number): MutableMmRun {
    const found = settled(this.host, () => {
      const space = this.#fresh();
      const run = space.page(page);
      const { steps } = space;
      return { key: `${keyOfRun(run)} ${keyOfSteps(steps)}`, value: { run, steps } };
    });
    this.#steps = found?.steps ?? [];
    return found?.run ?? moved(new MutableMmRun(this.deviceOf), page);
  }

  override get steps(): readonly WalkStep[] {
    return this.#steps;
  }

  override get source(): ContentsSource {
    return this.#source;
  }

  override bytes(page: number): DataView | Gap {
    const found = settled(this.host, () => {
      const space = this.#fresh();
      const bytes = space.bytes(page);
      const { source } = space;
      return { key: `${keyOfRun(space.page(page))} ${keyOfSteps(space.steps)}`, value: { bytes, source } };
    });
    if (found === null) return MOVED_GAP;
    this.#source = found.source;
    return found.bytes;
  }
}
