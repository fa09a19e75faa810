// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { xaNodes } from '../kernel/containers/xarray.js';
import type { Host } from '../kernel/host.js';
import { type Resolved, resolve } from '../types/fields.js';
import type { Folios, StructPage } from './folios.js';
import { type Span, Spans } from './spans.js';
import { addressSpaceFields } from './structs.js';
import { type EntryForm, entryForm } from './swap-entries.js';

/** What the page cache of a file has for pages from the one that was asked for up to `end` - 1. */
export type Cached = { readonly end: number } & (
  | {
      readonly kind: 'page';
      /** Frame of the first page; those of the others follow it. */
      readonly frame: Pfn;
      /** Whether its contents are those of the file: it is not still to be read or cleared. */
      readonly isReady: boolean;
    }
  /** The place of the first page in swap; those of the others follow it. */
  | { readonly kind: 'swap'; readonly type: number; readonly offset: number }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unknown'; readonly why: string }
);

/** The kind of a file. Pages of `memory` (tmpfs, shared memory, memfd) can be in swap. */
export type FileKind = { readonly kind: 'memory' | 'other' } | { readonly kind: 'huge-pages'; readonly order: number };

/**
 * The pages of a file that are in memory (struct address_space, include/linux/fs.h). Each is checked: its struct page must
 * name this file, and its place in it.
 */
export class PageCache {
  readonly #folios: Folios;
  readonly #address: bigint;
  readonly #file: FileKind;
  readonly #spans: Spans;
  readonly #entries: EntryForm;
  #unit: number | null = null;

  /** `address`: of the struct address_space. */
  constructor(host: Host, folios: Folios, address: bigint, file: FileKind) {
    const { memory, types } = host;
    const { space } = resolve(types, { space: addressSpaceFields });
    this.#folios = folios;
    this.#address = address;
    this.#file = file;
    this.#entries = entryForm(host);
    this.#spans = new Spans(memory, xaNodes(types), headAt(host, address, space));
  }

  /** What the cache has for a page and those that follow it, up to `limit` - 1. Pages have 4096 bytes in any file. */
  find(page: number, limit: number): Cached {
    try {
      return this.#find(page, limit);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return { kind: 'unknown', why: error.message, end: page + 1 };
    }
  }

  #find(page: number, limit: number): Cached {
    const unit = this.#unitOf();
    const index = Math.floor(page / unit);
    const span = this.#spans.from(index);
    if (span === null) return { kind: 'nothing', end: limit };
    if (span.first > index) return { kind: 'nothing', end: Math.min(limit, span.first * unit) };
    const end = Math.min(limit, (span.last + 1) * unit);
    const { entry } = span;
    if (entry === null) return { kind: 'unknown', why: span.why, end };
    const value = this.#entries.valueOf(entry);
    if (value === null) return this.#page(span, entry, page, { end, unit });
    // In other files a value says that the page was there once (mm/workingset.c), or where it is in persistent memory (DAX).
    if (this.#file.kind !== 'memory') return { kind: 'nothing', end };
    const { type, offset } = this.#entries.placeOf(value);
    return { kind: 'swap', type, offset: offset + index - span.first, end };
  }

  /**
   * Number of pages of an index: that of a huge page up to v6.6; 1 since Linux commit a08c7193e4f1 ("mm/filemap: remove
   * hugetlb special casing in filemap.c") (in v6.7), when a huge page has an entry of its order.
   */
  #unitOf(): number {
    const file = this.#file;
    if (file.kind !== 'huge-pages') return 1;
    if (this.#unit === null) {
      const first = this.#spans.from(0);
      if (first === null) return 1;
      if (first.entry === null) throw new DumpError(first.why);
      this.#unit = first.order === file.order ? 1 : 2 ** file.order;
    }
    return this.#unit;
  }

  #page(span: Span, entry: bigint, page: number, { end, unit }: { end: number; unit: number }): Cached {
    const folios = this.#folios;
    const own = folios.read(entry);
    const head = folios.headOf(own);
    if (head.mapping !== this.#address) throw folios.error(entry, `it is in the page cache of another file`);
    if (head.count <= 0) throw folios.error(entry, `it is free, but in a page cache`);
    const first = Number(head.index) * unit;
    const frame = folios.knownFrame(head.address) + page - first;
    if (first > page) throw folios.error(entry, `it is at another place of its file`);
    // Since Linux commit 4101196b19d7 ("mm: page cache: store only head pages in i_pages") (in v5.4) the entries of a compound page
    // are its head; before, each is the page itself.
    if (own !== head && folios.knownFrame(entry) + page - span.first * unit !== frame)
      throw folios.error(entry, `it is at another place of its file`);
    this.#checkExtent(head, page - first, end - 1 - first);
    const isReady = folios.flags.uptodate === 0n || (head.flags & folios.flags.uptodate) !== 0n;
    return { kind: 'page', frame: frame as Pfn, isReady, end };
  }

  /** Throws `DumpError` if the pages at these distances from a head are not its own. */
  #checkExtent(head: StructPage, from: number, to: number): void {
    const folios = this.#folios;
    const file = this.#file;
    // The struct pages of tails of huge pages can be copies (hugetlb vmemmap optimization).
    if (file.kind === 'huge-pages') {
      if (to >= 2 ** file.order) throw folios.error(head.address, `a huge page does not have ${to + 1} pages`);
      return;
    }
    const frame = folios.knownFrame(head.address);
    for (const distance of from === to ? [to] : [from, to])
      if (distance > 0 && folios.read(folios.addressOf(frame + distance)).head !== head.address)
        throw folios.error(head.address, `it does not have ${distance + 1} pages`);
  }
}

const headAt =
  ({ memory }: Host, address: bigint, { pages }: Resolved<typeof addressSpaceFields>) =>
  (): bigint =>
    readOf(memory, address + BigInt(pages.offset), 8, 'address_space').u64(0);
