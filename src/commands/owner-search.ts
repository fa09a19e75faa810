// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../core/log.js';
import type { DumpImage } from '../dump/image.js';
import type { Host } from '../kernel/host.js';
import { HostOwners } from '../owners/owners.js';
import type { Portion } from './owner-pieces.js';
import { OwnerRow } from './owner-rows.js';

/** Frames between two reports of progress. */
const TICK = 0x1000;

/** Finds the owners of pages, a portion at a time. */
export class OwnerSearch {
  readonly #row: OwnerRow;
  readonly #owners: HostOwners;

  /**
   * Throws `DumpError` if the kernel's struct pages or tasks can't be found, `UsageError` if the host was not opened for VMs.
   */
  constructor(
    host: Host,
    image: DumpImage,
    readonly log: Log,
  ) {
    this.#owners = new HostOwners(host, log);
    this.#row = log.step('struct pages', () => new OwnerRow(host, image));
  }

  /** The frame after the memory of the machine. */
  get end(): number {
    return this.#row.page.facts.end;
  }

  /** The rows of a portion, in its order. One object is used for all of them. */
  *rows(portion: Portion): Generator<OwnerRow> {
    const row = this.#row;
    const found = this.#owners.of(portion.frames((frame) => !row.page.facts.isZero(frame)));
    let done = 0;
    for (const { first, count, offset } of portion.pieces())
      for (let frame = first; frame < first + count; frame++) {
        if (done++ % TICK === 0) this.log.tick(done / portion.count);
        row.page.set(frame, frame === first ? offset : 0);
        yield row.set(found.of(row.page.facts));
      }
  }
}
