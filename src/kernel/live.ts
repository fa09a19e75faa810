// SPDX-License-Identifier: Apache-2.0
// The memory of a running host (/proc/kcore) changes while it is read. What is read of it is read again, until two readings
// in a row agree.
import { DumpError } from '../core/errors.js';
import type { Host } from './host.js';

/** Most readings of one answer. */
const MOST = 8;

/** Whether the memory of a host changes while it is read. */
export const isLive = ({ frames }: Pick<Host, 'frames'>): boolean => frames.live !== undefined;

/** Drops what a running host keeps of its memory. Objects made from it before keep what they read. */
export function forget({ frames, memory }: Pick<Host, 'frames' | 'memory'>): void {
  frames.live?.forget();
  memory.forget();
}

/** What was read, and a text that is equal if two readings found the same. */
export interface Reading<T> {
  readonly key: string;
  readonly value: T;
}

/**
 * What two readings in a row found: the value of the first of them, so that it was read between two looks at what it depends
 * on. Null if each of the readings, at most 8, differs from the one before. `read` must read all again, with objects that
 * it makes. If it throws a `DumpError`, the structures may have changed while they were followed: the last such error is
 * thrown only if no reading after it succeeded.
 */
export function settled<T>(host: Pick<Host, 'frames' | 'memory'>, read: () => Reading<T>): T | null {
  const { live } = host.frames;
  let last: Reading<T> | null = null;
  let problem: DumpError | null = null;
  for (let count = 0; count < MOST; count++) {
    forget(host);
    if (count > 1 && live !== undefined) live.again++;
    const next = attempted(read);
    if (next instanceof DumpError) {
      [last, problem] = [null, next];
      continue;
    }
    if (last?.key === next.key) return last.value;
    [last, problem] = [next, null];
  }
  if (problem !== null) throw problem;
  if (live !== undefined) live.moved++;
  return null;
}

/**
 * What `read` returns, of structures that the kernel may change while they are followed: if it throws a `DumpError` and the
 * host is running, it is called again, at most 8 times.
 */
export function retried<T>(host: Pick<Host, 'frames' | 'memory'>, read: () => T): T {
  for (let count = 1; isLive(host) && count < MOST; count++) {
    const result = attempted(read);
    if (!(result instanceof DumpError)) return result;
    forget(host);
  }
  return read();
}

function attempted<T>(read: () => T): T | DumpError {
  try {
    return read();
  } catch (error) {
    if (error instanceof DumpError) return error;
    throw error;
  }
}
