// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statfsSync } from 'node:fs';
import { Bytes } from '../core/bytes.js';
import { DumpError, UsageError } from '../core/errors.js';
import { Lru } from '../core/lru.js';
import type { ByteSource } from '../core/memory.js';
import { reasonOf } from './system-error.js';

/** Block size in bytes. 64 KiB to 256 KiB are equally fast; the smallest wastes least on scattered reads. */
const BLOCK = 0x10000;
/** Block size for files of /proc: the kernel makes each page of them when it is read. */
const LIVE_BLOCK = 0x1000;
/** f_type of procfs (include/uapi/linux/magic.h, PROC_SUPER_MAGIC). */
const PROC_SUPER_MAGIC = 0x9fa0;
/** Most bytes of one read; enough for a table of a few million program headers. */
const MOST = 0x20000000;
/** Bytes of blocks that are cached. */
const KEPT = 16 * 1024 * 1024;
/** Most failed blocks that are remembered. */
const FAILED = 4096;
/** Reads of this many blocks or more bypass the cache. */
const MANY = 8;

/** A file of any size, read with `readSync` through a bounded cache of blocks. */
export class FileSource implements ByteSource {
  readonly size: number;
  readonly forget: (() => void) | undefined;
  /** Null once it was closed: the system gives the number to the next file that is opened. */
  #descriptor: number | null;
  readonly #block: number;
  readonly #blocks: Lru<Buffer>;
  /** Blocks that can't be read as a whole, with their errors: a failing disk takes seconds to report each. */
  readonly #failed = new Lru<DumpError>(FAILED);

  private constructor(
    readonly name: string,
    descriptor: number,
    block: number,
    isLive: boolean,
  ) {
    this.#descriptor = descriptor;
    this.#block = block;
    this.#blocks = new Lru(KEPT / block);
    this.size = fstatSync(descriptor).size;
    this.forget = isLive
      ? () => {
          this.#blocks.clear();
          this.#failed.clear();
        }
      : undefined;
  }

  /**
   * Opens a regular file. `wanted` says in errors what kind of file is needed; `block` is the block size in bytes.
   * Throws `DumpError` if there is no such file, or it can't be read, and `UsageError` for an empty path.
   */
  static open(path: string, wanted = 'a dump is needed', block = BLOCK): FileSource {
    if (path === '') throw new UsageError(`the path of a file is empty; ${wanted}`);
    if (path === '-' || (STDIN.has(path) && !fstatSync(0).isFile()))
      throw new DumpError(`standard input can't be used: random access is needed; ${wanted} in a file`, {
        code: 'system',
      });
    let descriptor: number;
    try {
      // Without O_NONBLOCK, opening a FIFO blocks until there is a writer.
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      throw new DumpError(`${path}: ${reasonOf(cause, { ENOENT: 'no such file' })}`, {
        code: 'system',
        cause,
        ...(path === KCORE ? { hint: KCORE_HINT } : {}),
      });
    }
    const stat = fstatSync(descriptor);
    if (stat.isFile()) {
      const isLive = isOfProc(path, stat);
      return new FileSource(path, descriptor, isLive ? Math.min(block, LIVE_BLOCK) : block, isLive);
    }
    closeSync(descriptor);
    throw new DumpError(`${path}: ${stat.isDirectory() ? 'is a directory' : 'not a regular file'}; ${wanted}`, {
      code: 'system',
    });
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  read(offset: number, length: number, what: string): Bytes {
    const place = { source: this.name, offset };
    if (offset < 0 || length < 0 || !this.#isExact(offset + length) || offset + length > this.size)
      throw new DumpError(
        `${this.name} is truncated or damaged: its ${what} at 0x${offset.toString(16)} needs ${length} bytes, but the file ends at 0x${this.size.toString(16)}`,
        { code: 'truncated' },
      );
    if (length > MOST) throw new DumpError(`${what}: ${length} bytes are too many to be valid`, { place });
    try {
      return Bytes.of(this.#throughBlocks(offset, length, what), place);
    } catch (error) {
      // The error may be in a part of the block that is not needed here.
      if (error instanceof DumpError) return this.readOnce(offset, length, what);
      throw error;
    }
  }

  /** Offsets in /proc/kcore are addresses of up to 56 bits (kc_vaddr_to_offset); those of pages are exact. */
  #isExact(offset: number): boolean {
    return Number.isSafeInteger(offset) || (this.forget !== undefined && offset % LIVE_BLOCK === 0);
  }

  #throughBlocks(offset: number, length: number, what: string): Buffer {
    const block = this.#block;
    const first = Math.floor(offset / block);
    const inside = offset - first * block;
    return inside + length <= block
      ? this.#blockAt(first, what).subarray(inside, inside + length)
      : this.#gather(offset, length, what);
  }

  /** Reads without filling the block cache; for one-off reads. */
  readOnce(offset: number, length: number, what: string): Bytes {
    if (offset + length > this.size) return this.read(offset, length, what);
    const whole = Buffer.allocUnsafeSlow(length);
    this.#fill(whole, offset, what);
    return Bytes.of(whole, { source: this.name, offset });
  }

  readInto(target: Uint8Array, offset: number, what: string): void {
    this.#fill(target, offset, what);
  }

  #gather(offset: number, length: number, what: string): Buffer {
    const whole = Buffer.allocUnsafeSlow(length);
    if (length >= MANY * this.#block) {
      this.#fill(whole, offset, what);
      return whole;
    }
    for (let done = 0; done < length; ) {
      const index = Math.floor((offset + done) / this.#block);
      const inside = offset + done - index * this.#block;
      done += this.#blockAt(index, what).copy(whole, done, inside, Math.min(this.#block, inside + length - done));
    }
    return whole;
  }

  #blockAt(index: number, what: string): Buffer {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const failed = this.#failed.get(index);
    if (failed !== undefined) throw failed;
    const start = index * this.#block;
    const block = Buffer.allocUnsafeSlow(Math.min(this.#block, this.size - start));
    try {
      this.#fill(block, start, what);
    } catch (error) {
      if (error instanceof DumpError) this.#failed.set(index, error);
      throw error;
    }
    this.#blocks.set(index, block);
    return block;
  }

  /** A read may return fewer bytes than asked for; only 0 means that the file has become shorter. */
  #fill(block: Uint8Array, start: number, what: string): void {
    const descriptor = this.#descriptor;
    if (descriptor === null) throw new UsageError(`${this.name} was closed: its ${what} can't be read any more`);
    for (let done = 0; done < block.length; ) {
      let got: number;
      try {
        got = readSync(descriptor, block, done, block.length - done, positionOf(start, done));
      } catch (cause) {
        throw new DumpError(`${what}: ${reasonOf(cause)}`, {
          code: 'system',
          place: { source: this.name, offset: start + done },
          cause,
        });
      }
      if (got === 0)
        throw new DumpError(`${what}: the file became shorter while it was being read`, {
          place: { source: this.name, offset: start + done },
          code: 'truncated',
        });
      done += got;
    }
  }
}

const KCORE = '/proc/kcore';
const KCORE_HINT =
  'the memory of a running host can be read only by root (CAP_SYS_RAWIO), of a kernel that has the file (CONFIG_PROC_KCORE) and is not locked down';

/** Whether a file is one of procfs, also if it is mounted elsewhere. Such files have no blocks. */
function isOfProc(path: string, { blocks }: Stats): boolean {
  if (blocks > 0) return false;
  try {
    return statfsSync(path).type === PROC_SUPER_MAGIC;
  } catch {
    return false;
  }
}

/** The place of a byte, for the system. */
const positionOf = (start: number, done: number): number | bigint =>
  Number.isSafeInteger(start + done) ? start + done : BigInt(start) + BigInt(done);

/** Names that mean standard input. */
const STDIN: ReadonlySet<string> = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']);
