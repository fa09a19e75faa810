// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import { Files } from '../kernel/files.js';
import type { Host } from '../kernel/host.js';
import { hugePageOrder } from '../kernel/hugetlb.js';
import { resolve } from '../types/fields.js';
import { Folios } from './folios.js';
import { type FileKind, PageCache } from './page-cache.js';
import { addressSpaceFields, fileMappingFields } from './structs.js';

/** File systems whose files are made of memory that can be swapped out (mm/shmem.c). */
const IN_MEMORY: ReadonlySet<string> = new Set(['tmpfs', 'devtmpfs']);
/** Most files whose caches are kept. */
const KEPT = 4096;

/** The page caches of files. Those that were asked for last are kept. */
export class FileCaches {
  readonly #host: Host;
  readonly #files: Files;
  readonly #kept = new Map<bigint, PageCache | DumpError>();
  #folios: Folios | null = null;

  constructor(host: Host) {
    this.#host = host;
    this.#files = new Files(host);
  }

  get folios(): Folios {
    this.#folios ??= new Folios(this.#host);
    return this.#folios;
  }

  /** The page cache of the struct file at an address, or why it can't be read. */
  of(file: bigint): PageCache | DumpError {
    const known = this.#kept.get(file);
    if (known !== undefined) return known;
    if (this.#kept.size === KEPT) this.#kept.clear();
    const cache = this.#open(file);
    this.#kept.set(file, cache);
    return cache;
  }

  #open(file: bigint): PageCache | DumpError {
    const { memory, types } = this.#host;
    try {
      const at = resolve(types, { file: fileMappingFields, space: addressSpaceFields });
      const address = pointerAt(memory, file + BigInt(at.file.mapping.offset), 'struct file');
      const inode = pointerAt(memory, address + BigInt(at.space.host.offset), 'address_space');
      return new PageCache(this.#host, this.folios, address, this.#kindOf(inode));
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return error;
    }
  }

  #kindOf(inode: bigint): FileKind {
    const system = this.#files.fileSystemOfInode(inode);
    if (system.name === 'hugetlbfs') return { kind: 'huge-pages', order: hugePageOrder(this.#host, system.info) };
    return { kind: IN_MEMORY.has(system.name) ? 'memory' : 'other' };
  }
}
