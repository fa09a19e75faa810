// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Bytes } from '../core/bytes.js';
import { DumpError, UsageError } from '../core/errors.js';
import { Lru } from '../core/lru.js';
import type { ByteSource } from '../core/memory.js';

/** Bytes of a block of a dump; 64 KiB to 256 KiB read equally fast, the small end wastes least on scattered reads. */
const BLOCK = 0x10000;
/** Bytes that are read at once at the most: a table of a few million program headers. */
const MOST = 0x20000000;
/** Bytes kept in blocks. */
const KEPT = 16 * 1024 * 1024;
/** Blocks that failed and are remembered. */
const FAILED = 4096;
/** Reads of as many blocks go past the cache. */
const MANY = 8;

/** A file read with `readSync` through a bounded cache of blocks, whatever the file's size. */
export class FileSource implements ByteSource {
  readonly size: number;
  /** Null once it was closed: the system gives the number to the next file that is opened. */
  #descriptor: number | null;
  readonly #block: number;
  readonly #blocks: Lru<Buffer>;
  /** Blocks that can't be read as a whole: a failing disk takes seconds to say so. */
  readonly #failed = new Lru<DumpError>(FAILED);

  private constructor(
    readonly name: string,
    descriptor: number,
    block: number,
  ) {
    this.#descriptor = descriptor;
    this.#block = block;
    this.#blocks = new Lru(KEPT / block);
    this.size = fstatSync(descriptor).size;
  }

  /**
   * Opens a regular file; `wanted` is for the error, `block` the bytes that are read at once around a place. Throws
   * `DumpError` when there is none, or it can't be read.
   */
  static open(path: string, wanted = 'a dump is needed', block = BLOCK): FileSource {
    if (path === '-' || (STDIN.has(path) && !fstatSync(0).isFile()))
      throw new DumpError(`standard input can't be read here and there, as it must be; ${wanted} in a file`, {
        code: 'system',
      });
    let descriptor: number;
    try {
      // Without O_NONBLOCK a FIFO would wait for its writer.
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      throw new DumpError(`${path}: ${reasonOf(cause)}`, { code: 'system', cause });
    }
    const stat = fstatSync(descriptor);
    if (stat.isFile()) return new FileSource(path, descriptor, block);
    closeSync(descriptor);
    throw new DumpError(`${path}: ${stat.isDirectory() ? 'a directory' : 'not a regular file'}, ${wanted}`, {
      code: 'system',
    });
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  read(offset: number, length: number, what: string): Bytes {
    const place = { source: this.name, offset };
    if (offset < 0 || length < 0 || !Number.isSafeInteger(offset + length) || offset + length > this.size)
      throw new DumpError(
        `${this.name} is truncated or damaged: it ends at 0x${this.size.toString(16)}, its ${what} at 0x${offset.toString(16)} needs ${length} bytes`,
        { code: 'truncated' },
      );
    if (length > MOST) throw new DumpError(`${what}: ${length} bytes are too many to be meant`, { place });
    try {
      return Bytes.of(this.#throughBlocks(offset, length, what), place);
    } catch (error) {
      // What fails may be another part of a block.
      if (error instanceof DumpError) return this.readOnce(offset, length, what);
      throw error;
    }
  }

  #throughBlocks(offset: number, length: number, what: string): Buffer {
    const block = this.#block;
    const first = Math.floor(offset / block);
    const inside = offset - first * block;
    return inside + length <= block
      ? this.#blockAt(first, what).subarray(inside, inside + length)
      : this.#gather(offset, length, what);
  }

  /** The same past the cache, for what is read once and lies far from the rest. */
  readOnce(offset: number, length: number, what: string): Bytes {
    if (offset + length > this.size) return this.read(offset, length, what);
    const whole = Buffer.allocUnsafeSlow(length);
    this.#fill(whole, offset, what);
    return Bytes.of(whole, { source: this.name, offset });
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

  /** A read may return less than was asked for; only 0 means that the file has become shorter. */
  #fill(block: Buffer, start: number, what: string): void {
    const descriptor = this.#descriptor;
    if (descriptor === null) throw new UsageError(`${this.name} was closed: its ${what} can't be read any more`);
    for (let done = 0; done < block.length; ) {
      let got: number;
      try {
        got = readSync(descriptor, block, done, block.length - done, start + done);
      } catch (cause) {
        throw new DumpError(`${what}: ${reasonOf(cause)}`, {
          code: 'system',
          place: { source: this.name, offset: start + done },
          cause,
        });
      }
      if (got === 0)
        throw new DumpError(`${what}: the file has become shorter while it was read`, {
          place: { source: this.name, offset: start + done },
          code: 'truncated',
        });
      done += got;
    }
  }
}

/** Names of standard input. */
const STDIN: ReadonlySet<string> = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']);

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EIO: 'input/output error of the storage below',
};

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? message;
}
