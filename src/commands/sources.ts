// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../core/log.js';
import { size } from '../report/table.js';
import type { ContentsSource } from '../spaces/contents.js';
import type { Piece } from '../spaces/reading.js';

/** Counts bytes that are not where the page tables say, to report that. */
export class Sources {
  readonly #bytes = new Map<ContentsSource, number>();

  add({ bytes, source, length }: Pick<Piece, 'bytes' | 'source' | 'length'>): void {
    if (bytes !== null && source !== 'memory') this.#bytes.set(source, (this.#bytes.get(source) ?? 0) + length);
  }

  report(log: Log): void {
    for (const [source, bytes] of this.#bytes) log.note(`${size(bytes)} not mapped, from the ${source}`);
  }
}
