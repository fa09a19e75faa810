// SPDX-License-Identifier: Apache-2.0
// The bytes of pages that no page table maps: in the page cache, the swap cache, a guest_memfd, zswap or zram.
import type { FileCaches } from '../caches/files.js';
import type { Pfn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import type { MmRun } from './mm-run.js';
import type { Gap, SpaceReason } from './space.js';
import type { SwappedPages } from './swapped-pages.js';

/** Where the bytes of a page are; `memory` for a page that is mapped. */
export type ContentsSource = 'memory' | 'page cache' | 'swap cache' | 'guest_memfd' | 'compressed swap';

/** The bytes of a page, and where they are. */
export interface Contents {
  readonly bytes: DataView;
  readonly source: ContentsSource;
}

/** By reason of an answer: the cache that has the frame that the answer names. */
const CACHES: Readonly<Partial<Record<SpaceReason, ContentsSource>>> = {
  'in-page-cache': 'page cache',
  'swap-entry': 'swap cache',
  'shmem-swapped': 'swap cache',
  'gmem-private': 'guest_memfd',
  'gmem-only': 'guest_memfd',
};
/**
 * Whether pages of a run can have bytes although another page of it has none: each of them can be in a cache, or can be missing
 * in the dump.
 */
export const differ = ({ state, reason }: Pick<MmRun, 'state' | 'reason'>): boolean =>
  state === 'mapped' || (reason !== null && CACHES[reason] !== undefined);

const SWAPPED: readonly (SpaceReason | null)[] = ['swap-entry', 'shmem-swapped'];

/** Reads the bytes that belong to answers. */
export class PageContents {
  readonly #host: Host;
  readonly #caches: FileCaches;
  readonly #swapped: () => SwappedPages;

  constructor(host: Host, caches: FileCaches, swapped: () => SwappedPages) {
    this.#host = host;
    this.#caches = caches;
    this.#swapped = swapped;
  }

  /** The bytes of the first page of an answer, or why there are none. */
  of(answer: MmRun): Contents | Gap {
    const { frame, reason } = answer;
    // Mapped: there is a frame.
    if (reason === null) return this.#inFrame(frame as Pfn, 'memory');
    const source = CACHES[reason];
    try {
      if (source !== undefined && frame !== null && this.#isReady(frame)) return this.#inFrame(frame, source);
      const { swap } = answer;
      const bytes =
        frame !== null || swap === null || !SWAPPED.includes(reason) ? null : this.#swapped().bytes.read(swap);
      if (bytes !== null) return { bytes: viewOf(bytes), source: 'compressed swap' };
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      const message = answer.message ?? reason;
      return { reason, message: message.includes(error.message) ? message : `${message}: ${error.message}` };
    }
    return { reason, message: answer.message ?? reason };
  }

  #inFrame(frame: Pfn, source: ContentsSource): Contents | Gap {
    const { frames } = this.#host;
    const bytes = frames.frame(frame);
    return bytes === null ? frames.why(frame) : { bytes, source };
  }

  /** Whether the contents of a page in a cache are valid (PG_uptodate): it is not still to be read or cleared. */
  #isReady(frame: Pfn): boolean {
    const { folios } = this.#caches;
    const { uptodate } = folios.flags;
    const { flags } = folios.headOf(folios.read(folios.addressOf(frame)));
    return uptodate !== 0n && (flags & uptodate) !== 0n;
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
