// SPDX-License-Identifier: Apache-2.0
// The file that a page belongs to, from page->mapping (include/linux/fs.h, struct address_space).
import { DumpError, orNull } from '../core/errors.js';
import { Lru } from '../core/lru.js';
import { readOf } from '../core/memory.js';
import { pointerKey } from '../kernel/containers/pointer.js';
import { xaNodes, xarrayEntries } from '../kernel/containers/xarray.js';
import { Files } from '../kernel/files.js';
import type { Host } from '../kernel/host.js';
import { InodePaths } from '../kernel/inode-paths.js';
import { type Resolved, resolve } from '../types/fields.js';
import { addressSpaceFields, inodeMappingFields } from './structs.js';

/** A file whose pages are in memory. */
export interface MappedFile {
  readonly kind: 'file' | 'shmem' | 'hugetlb';
  readonly inode: number;
  /** Its path; null if the kernel did not remember one, or it can't be read. */
  readonly path: string | null;
  /** What could not be read, and why. */
  readonly problems: readonly string[];
}

/** File systems whose files are memory (mm/shmem.c, fs/ramfs). */
const IN_MEMORY: ReadonlySet<string> = new Set(['tmpfs', 'devtmpfs', 'rootfs', 'ramfs', 'shmem']);
/** Most files that are remembered. */
const KEPT = 4096;

/** Finds files by the address of their struct address_space. */
export class Mappings {
  readonly #host: Host;
  readonly #at: {
    readonly space: Resolved<typeof addressSpaceFields>;
    readonly inode: Resolved<typeof inodeMappingFields>;
  };
  readonly #files: Files;
  readonly #paths: InodePaths;
  readonly #known = new Lru<MappedFile | 'none'>(KEPT);
  #hugeIndex: 'pages' | 'huge-pages' | null = null;

  constructor(host: Host) {
    this.#host = host;
    this.#at = resolve(host.types, { space: addressSpaceFields, inode: inodeMappingFields });
    this.#files = new Files(host);
    this.#paths = new InodePaths(host);
  }

  /** Drops what was read, for memory that changes. */
  forget(): void {
    this.#known.clear();
  }

  /** The file of the address_space at an address, given as two words; null if there is no address_space. */
  fileOf(high: number, low: number): MappedFile | null {
    const key = pointerKey(high, low);
    if (key === null) return null;
    let file = this.#known.get(key);
    if (file === undefined) {
      file = this.#read((BigInt(high) << 32n) | BigInt(low)) ?? 'none';
      this.#known.set(key, file);
    }
    return file === 'none' ? null : file;
  }

  /**
   * Bytes of a unit of page->index in hugetlbfs: a page of 4 KiB since Linux commit a08c7193e4f1 ("mm/filemap: remove
   * hugetlb special casing in filemap.c") (in v6.7), a huge page before. The kernels differ in how many entries of the
   * page cache a huge page has.
   */
  hugeUnit(space: bigint, index: number, order: number): number {
    this.#hugeIndex ??= orNull(() => this.#hugeIndexOf(space, BigInt(index), order));
    return this.#hugeIndex === 'huge-pages' ? 4096 * 2 ** order : 4096;
  }

  #hugeIndexOf(space: bigint, index: bigint, order: number): 'pages' | 'huge-pages' | null {
    const { memory, types } = this.#host;
    const head = readOf(memory, space, this.#at.space.bytes, 'address_space').u64(this.#at.space.pages.offset);
    for (const entry of xarrayEntries(memory, xaNodes(types), head, index, index))
      return entry.order === order ? 'pages' : 'huge-pages';
    return null;
  }

  /** Null if what is at the address does not belong to an inode: drivers use page->mapping for other things. */
  #read(address: bigint): MappedFile | null {
    const { space, inode: at } = this.#at;
    const { memory } = this.#host;
    const record = orNull(() => readOf(memory, address, space.bytes, 'address_space'));
    const inode = record?.u64(space.host.offset) ?? 0n;
    const owner = inode === 0n ? null : orNull(() => readOf(memory, inode, at.bytes, 'inode'));
    if (owner === null || owner.u64(at.mapping.offset) !== address) return null;
    const problems: string[] = [];
    const tried = <T>(what: string, work: () => T): T | null => {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof DumpError)) throw error;
        problems.push(`${what}: ${error.message}`);
        return null;
      }
    };
    const system = tried('file system of the page', () => this.#files.fileSystemOfInode(inode).name) ?? '';
    const path = tried('path of the page', () => this.#paths.pathOf(inode));
    const kind = system === 'hugetlbfs' ? 'hugetlb' : IN_MEMORY.has(system) ? 'shmem' : 'file';
    return { kind, inode: Number(owner.u64(at.number.offset)), path, problems };
  }
}
