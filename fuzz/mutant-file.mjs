// SPDX-License-Identifier: Apache-2.0
// A file that is mutated in place, and restored.
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';

/** @import { Mutation } from './mutations.mjs' */

/** @type {(path: string, mutation: Mutation) => void} */
export function apply(path, { changes, length }) {
  const descriptor = openSync(path, 'r+');
  if (length !== null) ftruncateSync(descriptor, length);
  for (const [at, bytes] of changes) writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

/**
 * Undoes a mutation; `file` has the undamaged bytes.
 *
 * @type {(path: string, file: Buffer, mutation: Mutation) => void}
 */
export function restore(path, file, { changes, length }) {
  if (length !== null || changes.some(([at, bytes]) => at + bytes.length > file.length)) {
    writeFileSync(path, file);
    return;
  }
  const descriptor = openSync(path, 'r+');
  for (const [at, bytes] of changes) writeSync(descriptor, file, at, bytes.length, at);
  closeSync(descriptor);
}
