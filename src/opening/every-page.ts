// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import type { Log } from '../core/log.js';
import type { DumpImage } from '../dump/image.js';

/** Every frame of which the dump has bytes, ascending, for a search that takes long: the log is told how far it is. */
export function* everyPage({ reader }: DumpImage, log: Log): Generator<Pfn> {
  const { limit } = reader;
  for (const frame of reader.present()) {
    log.tick(limit === undefined || limit === 0 ? undefined : Math.min(1, frame / limit));
    yield frame;
  }
}
