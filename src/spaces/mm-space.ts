// SPDX-License-Identifier: Apache-2.0
import type { FileCaches } from '../caches/files.js';
import type { SwappedBytes } from '../caches/swapped-bytes.js';
import type { Vpn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import type { ContentsSource } from './contents.js';
import { type DeviceOf, type MmRun, MutableMmRun } from './mm-run.js';
import { MmRuns } from './mm-runs.js';
import { PageLookup, type WalkStep } from './page-lookup.js';
import type { AddressSpace, Gap, RunCursor } from './space.js';
import { WalkMeaning } from './walk-meaning.js';

/** A process's memory, through its page tables. */
export class MmSpace implements AddressSpace<MmRun> {
  readonly name: string;
  readonly limit: number;
  readonly host: Host;
  readonly #mm: Mm;
  readonly #meaning: WalkMeaning;
  readonly #asked: MutableMmRun;
  readonly #lookup: PageLookup;
  readonly #read: MutableMmRun;
  readonly #reading: PageLookup;
  #source: ContentsSource = 'memory';

  constructor(host: Host, mm: Mm) {
    this.name = `memory of the process with mm 0x${mm.address.toString(16)}`;
    this.host = host;
    this.#mm = mm;
    this.#meaning = new WalkMeaning(host, mm);
    this.limit = this.#meaning.userPages;
    [this.#asked, this.#read] = [new MutableMmRun(this.deviceOf), new MutableMmRun(this.deviceOf)];
    [this.#lookup, this.#reading] = [this.lookup(), this.lookup()];
  }

  runs(first: number, end: number): RunCursor<MutableMmRun> {
    return this.cursor(new MutableMmRun(this.deviceOf)).over(first as Vpn, end as Vpn);
  }

  page(page: number): MutableMmRun {
    this.#asked.page = page;
    this.#lookup.find(page as Vpn, this.#asked);
    return this.#asked;
  }

  /** The page-table entries that were read for the last answer of `page`, from the top table down. */
  get steps(): readonly WalkStep[] {
    return this.#lookup.stepsOf(this.#asked);
  }

  bytes(page: number): DataView | Gap {
    this.#reading.find(page as Vpn, this.#read);
    return this.bytesOf(this.#read);
  }

  /** The machine's memory. */
  get frames(): FrameSource {
    return this.host.frames;
  }

  /** The bytes of the first page of an answer, or why there are none. */
  bytesOf(answer: MmRun): DataView | Gap {
    const found = this.#meaning.contents.of(answer);
    if ('reason' in found) return found;
    this.#source = found.source;
    return found.bytes;
  }

  /** Where the bytes are that were returned last. */
  get source(): ContentsSource {
    return this.#source;
  }

  /** Whether the mapping of a page is that of a device. */
  isDevice(page: Vpn): boolean {
    return this.#meaning.isDevice(page);
  }

  /** Single answers for a space that is built on this one, independent of the answers of this object. */
  lookup(): PageLookup {
    return new PageLookup(this.host, this.#mm, this.#meaning);
  }

  /** Runs for a space that is built on this one; each is written to `run`. */
  cursor<R extends MutableMmRun>(run: R): MmRuns<R> {
    return new MmRuns(this.host, this.#mm, this.#meaning, run);
  }

  /** The contents of swapped pages that are not in the swap cache, by their place in swap. */
  get swappedBytes(): SwappedBytes {
    return this.#meaning.swappedBytes;
  }

  /** The page caches of files. */
  get caches(): FileCaches {
    return this.#meaning.caches;
  }

  /** The function that runs use to find the device of a swap type. */
  get deviceOf(): DeviceOf {
    return this.#meaning.deviceOf;
  }
}
