// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { DumpError } from '../core/errors.js';
import { reasonOf } from '../io/system-error.js';

/** Lists are kept in memory. */
const MOST_BYTES = 2 ** 30;

/** The text of a list: a file, or for `-` standard input. Throws `DumpError` if it can't be read. */
export async function readListText(path: string, input: () => AsyncIterable<string>): Promise<string> {
  if (path === '-') {
    const pieces: string[] = [];
    for await (const piece of input()) pieces.push(piece);
    // Standard input comes as bytes.
    return Buffer.from(pieces.join(''), 'latin1').toString('utf8');
  }
  let descriptor: number | null = null;
  try {
    descriptor = openSync(path, 'r');
    if (fstatSync(descriptor).size > MOST_BYTES) throw new DumpError(`${path}: larger than 1 GiB; not a list`);
    return readFileSync(descriptor, 'utf8');
  } catch (cause) {
    if (cause instanceof DumpError) throw cause;
    throw new DumpError(`${path}: ${reasonOf(cause, { ENOENT: 'no such file' })}`, { code: 'system', cause });
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}
