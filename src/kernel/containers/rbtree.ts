// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import { type Memory, readOf } from '../../core/memory.js';
import type { Resolved } from '../../types/fields.js';
import type { rbNodeFields } from '../structs.js';

/** A red-black tree of 2^32 nodes is no deeper. */
const DEEPEST = 64;

/**
 * The nodes of a red-black tree on the way down from its root (lib/rbtree.c), until `step` says that it has arrived;
 * it is given a node's address and says where to go on. Null when the way ends without it.
 */
export function descend(
  memory: Memory,
  at: Resolved<typeof rbNodeFields>,
  root: bigint,
  step: (node: bigint) => 'left' | 'right' | 'here',
): bigint | null {
  let node = root;
  for (let depth = 0; node !== 0n; depth++) {
    if (depth === DEEPEST) throw new DumpError(`red-black tree: deeper than ${DEEPEST} at 0x${node.toString(16)}`);
    const next = step(node);
    if (next === 'here') return node;
    node = readOf(memory, node, at.bytes, 'node of a red-black tree').u64(at[next].offset);
  }
  return null;
}
