// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { Memory } from '../../core/memory.js';
import { pointerAt } from './pointer.js';

/** Offset of pprev in struct hlist_node (include/linux/types.h): the address of the pointer that points to the node. */
const PPREV = 8n;

/**
 * The nodes of the hlist (include/linux/list.h) whose hlist_head is at address `head`. A node is yielded before its
 * link is read. `checkBack`: the pprev of each node must be the address of the pointer that points to it. `what` names
 * the list in errors. Throws `DumpError` if there are more than `most` nodes, if the chain is circular, or can't be
 * read.
 */
export function* hlistNodes(
  memory: Memory,
  head: bigint,
  most: number,
  what: string,
  { checkBack = false }: { readonly checkBack?: boolean } = {},
): Generator<bigint> {
  const bad = (problem: string): DumpError =>
    new DumpError(`${what}: the chain at 0x${head.toString(16)} ${problem}`, { hint: 'the dump is damaged there' });
  let from = head;
  let node = pointerAt(memory, head, what);
  let mark = 0n;
  for (let step = 0; node !== 0n; step++) {
    if (node === mark) throw bad(`has a loop at 0x${node.toString(16)}`);
    if (step >= most) throw bad(`has more than ${most} nodes`);
    if (checkBack && pointerAt(memory, node + PPREV, what) !== from)
      throw bad(`has a node at 0x${node.toString(16)} that does not point back to 0x${from.toString(16)}`);
    yield node;
    // Brent's cycle detection: finds a circle within twice its length.
    if ((step & (step + 1)) === 0) mark = node;
    from = node;
    node = pointerAt(memory, node, what);
  }
}
