// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Entry } from './entries.js';

/** Bytes of a file that are part of its identity. */
const HEAD = 0x10000;

/** What identifies the analysis of a dump, and what the system says of its files. */
export interface Identity {
  /** Hexadecimal digits. Equal only for the same files with the same content and the same questions. */
  readonly id: string;
  /** Bytes of all files; null if a file can't be examined. */
  readonly size: number | null;
  /** Latest time of a change, in milliseconds since 1970; null if a file can't be examined. */
  readonly mtime: number | null;
}

/** A file as far as its identity goes: where it is, and null if it can't be read. */
interface Examined {
  readonly path: string;
  readonly found: { readonly size: number; readonly mtime: number; readonly head: Uint8Array } | null;
}

/**
 * Identifies the analysis of a dump by its paths, the heads, sizes and times of its files, and `analysis`: the program's version and
 * the questions. A file that can't be read is identified by its path alone: reading it will report why.
 */
export const identityOf = (entry: Entry, analysis: string): Identity =>
  identityFrom(entry, analysis, entry.files.map(examined));

/** The same, while the event loop goes on: a file system that does not answer delays nothing else. */
export const identified = async (entry: Entry, analysis: string): Promise<Identity> =>
  identityFrom(entry, analysis, await Promise.all(entry.files.map(examining)));

function identityFrom({ options }: Entry, analysis: string, files: readonly Examined[]): Identity {
  const hash = createHash('sha256');
  const add = (...values: readonly (string | number)[]): void => {
    for (const value of values) hash.update(`${value}\0`);
  };
  add(analysis, ...options);
  let [size, mtime]: [number | null, number | null] = [0, 0];
  for (const { path, found } of files) {
    add(path);
    if (found === null) {
      [size, mtime] = [null, null];
      continue;
    }
    add(found.size, found.mtime);
    hash.update(found.head);
    if (size !== null && mtime !== null) [size, mtime] = [size + found.size, Math.max(mtime, found.mtime)];
  }
  return { id: hash.digest('hex').slice(0, 40), size, mtime };
}

const examined = (path: string): Examined => ({ path: pathOf(path), found: headOf(path) });

function pathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function headOf(path: string): Examined['found'] {
  let descriptor: number | null = null;
  try {
    // Opening a FIFO would wait for a writer.
    if (!statSync(path).isFile()) return null;
    descriptor = openSync(path, 'r');
    const { size, mtimeMs } = fstatSync(descriptor);
    const head = Buffer.alloc(Math.min(HEAD, size));
    return { size, mtime: Math.floor(mtimeMs), head: head.subarray(0, readSync(descriptor, head, 0, head.length, 0)) };
  } catch {
    return null;
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

async function examining(path: string): Promise<Examined> {
  const real = await realpath(path).catch(() => resolve(path));
  let file: FileHandle | null = null;
  try {
    if (!(await stat(path)).isFile()) return { path: real, found: null };
    file = await open(path, 'r');
    const { size, mtimeMs } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(HEAD, size)), { position: 0 });
    return { path: real, found: { size, mtime: Math.floor(mtimeMs), head: buffer.subarray(0, bytesRead) } };
  } catch {
    return { path: real, found: null };
  } finally {
    await file?.close();
  }
}

/** Identifies a file whatever its path: two links to one file are the same dump. */
export function fileKey(path: string): string {
  try {
    // As numbers, large ones of different files could be equal.
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return resolve(path);
  }
}
