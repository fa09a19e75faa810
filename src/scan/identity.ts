// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
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

/**
 * Identifies the analysis of a dump by its paths, the heads, sizes and times of its files, and `analysis`: the program's version and
 * the questions. A file that can't be read is identified by its path alone: reading it will report why.
 */
export function identityOf({ files, options }: Entry, analysis: string): Identity {
  const hash = createHash('sha256');
  const add = (...values: readonly (string | number)[]): void => {
    for (const value of values) hash.update(`${value}\0`);
  };
  add(analysis, ...options);
  let [size, mtime]: [number | null, number | null] = [0, 0];
  for (const path of files) {
    add(pathOf(path));
    const found = headOf(path);
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

function pathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function headOf(path: string): { size: number; mtime: number; head: Uint8Array } | null {
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
