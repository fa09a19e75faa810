// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { Memory } from '../../core/memory.js';
import { pointerAt } from './pointer.js';

/** struct hlist_node (include/linux/types.h): the next node, then the address of the pointer that leads here. */
const PPREV = 8n;

/**
 * The nodes of an hlist (include/linux/list.h) by the address of its hlist_head. A node is yielded before its link is
 * read. `checkBack`: each pprev must be the address of the pointer that led to its node. A chain of more than `most`
 * nodes, one that runs in a circle, and one that can't be read are a `DumpError`.
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
    if (node === mark) throw bad(`runs in a circle at 0x${node.toString(16)}`);
    if (step >= most) throw bad(`has more than ${most} nodes`);
    if (checkBack && pointerAt(memory, node + PPREV, what) !== from)
      throw bad(`has a node at 0x${node.toString(16)} that does not point back at 0x${from.toString(16)}`);
    yield node;
    // Brent's rule: a circle is met within twice its length.
    if ((step & (step + 1)) === 0) mark = node;
    from = node;
    node = pointerAt(memory, node, what);
  }
}
