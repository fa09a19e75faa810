// SPDX-License-Identifier: Apache-2.0
import { pfn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { Files } from '../kernel/files.js';
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import { memorySize } from '../kernel/numa-nodes.js';
import { type Page, Pages, zeroFrames } from '../kernel/page.js';
import { type Resource, resourceAt } from '../kernel/resources.js';
import { DEVICE_FLAGS, findVma, type Vma } from '../kernel/vma.js';
import type { Answer } from './answer.js';

/** Bit 1 of an entry (_PAGE_RW). */
const WRITABLE = 1 << 1;

/** What the text output shows in addition to an answer. */
export interface Surroundings {
  readonly vma: Vma | null;
  /** False if the mapping could not be looked up: a null `vma` does not mean then that there is none. */
  readonly vmaKnown: boolean;
  /** Path of the mapping's file, empty for anonymous memory. */
  readonly file: string;
  readonly page: Page | null;
  readonly zeroPage: boolean;
  /** What has the address of device memory; 'none' if nothing has; null for other pages, or if it can't be read. */
  readonly resource: Resource | 'none' | null;
  /** Hexadecimal digits of the size of the machine's memory: the width of crash's column for physical addresses. */
  readonly memoryDigits: number;
  /** The memory encryption bit, which crash clears in the entries that it prints. */
  readonly encryption: bigint;
}

/** Finds what the text output shows in addition to an answer. What can't be read is left out, with a warning. */
export class SurroundingsOf {
  readonly #host: Host;
  readonly #mm: Mm;
  readonly #files: Files;
  readonly #pages: Pages | null;
  /** Frames of the zero pages; null until one can be meant. */
  #zeros: ReadonlySet<number> | null = null;
  readonly #digits: number;

  constructor(host: Host, mm: Mm) {
    this.#host = host;
    this.#mm = mm;
    this.#files = new Files(host);
    this.#pages = this.#optional(() => new Pages(host));
    this.#digits = this.#optional(() => memorySize(host).toString(16).length) ?? 0;
  }

  find(answer: Answer): Surroundings {
    const { page, frame, state, pageSize } = answer;
    const found =
      page === null ? null : this.#optional(() => ({ vma: findVma(this.#host, this.#mm, BigInt(page) * 4096n) }));
    const vma = found?.vma ?? null;
    return {
      vma,
      vmaKnown: found !== null,
      file: vma === null || vma.file === 0n ? '' : this.#pathOf(vma),
      page: frame === null || state !== 'mapped' ? null : this.#optional(() => this.#pages?.read(pfn(frame)) ?? null),
      zeroPage: frame !== null && isReadOnly(answer) && this.#isZero(firstFrame(frame, pageSize)),
      resource: frame === null || state !== 'mapped' || vma === null ? null : this.#resource(frame, vma),
      memoryDigits: this.#digits,
      encryption: this.#host.info.number('sme_mask') ?? 0n,
    };
  }

  #isZero(frame: number): boolean {
    this.#zeros ??= this.#optional(() => zeroFrames(this.#host)) ?? new Set();
    return this.#zeros.has(frame);
  }

  #resource(frame: number, { flags }: Vma): Surroundings['resource'] {
    if ((flags & DEVICE_FLAGS) === 0n) return null;
    const found = this.#optional(() => resourceAt(this.#host, BigInt(frame) * 4096n) ?? 'none');
    // A driver can also map memory to a process.
    return found !== null && found !== 'none' && found.isMemory ? null : found;
  }

  #pathOf(vma: Vma): string {
    return printable(this.#optional(() => this.#files.pathOf(vma.file)) ?? '?', 4096);
  }

  #optional<T>(work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      this.#host.log.warn(error.message, error);
      return null;
    }
  }
}

/**
 * Whether the page is mapped read-only. Other pages need no look-up: the kernel maps its zero pages with the protection of a private mapping,
 * which does not allow writing (do_anonymous_page in mm/memory.c, set_huge_zero_folio in mm/huge_memory.c).
 */
function isReadOnly({ state, steps }: Answer): boolean {
  const leaf = steps.at(-1);
  return state === 'mapped' && leaf !== undefined && (leaf.lo & WRITABLE) === 0;
}

/** First frame of the page of this size that contains a frame. */
function firstFrame(frame: number, pageSize: number | null): number {
  const pages = (pageSize ?? 4096) / 4096;
  return frame - (frame % pages);
}
