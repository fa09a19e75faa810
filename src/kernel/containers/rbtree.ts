// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import { isUnreadable, type Memory, readOf, unreadableError } from '../../core/memory.js';
import type { Resolved } from '../../types/fields.js';
import type { rbNodeFields } from '../structs.js';

/** Most levels: those of a red-black tree with 2^32 nodes. */
const DEEPEST = 64;

type RbNodeFields = Resolved<typeof rbNodeFields>;

/**
 * Descends a red-black tree from its root (lib/rbtree.c). `step` gets the address of a node and returns which child to
 * visit next, or `here` if this is the node. Null if no node was found. Throws `DumpError` if a node can't be read.
 */
export function descend(
  memory: Memory,
  at: RbNodeFields,
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

/** Options of a walk through a tree. */
export interface RbWalk {
  /** Names of the tree and of its members, for errors: `memslot tree`, `slot`. */
  readonly what: string;
  readonly member: string;
  /** Most nodes; if there are more, `DumpError` is thrown. */
  readonly most: number;
  /** Whether a node, and so all nodes to its left, precede the first node needed. Called until that node is found. */
  readonly isBefore?: (node: bigint) => boolean;
  /** Called for each node that can't be read; the rest of the tree is still walked. Without it, throws `DumpError`. */
  readonly lost?: (why: DumpError) => void;
}

/** A node that was read, its depth, and its children. */
interface Visited {
  readonly node: bigint;
  readonly depth: number;
  readonly left: bigint;
  readonly right: bigint;
}

/**
 * The nodes of a red-black tree in order: all, or those from the first one needed on, in O(log n + k) reads. `root` is
 * the value of rb_root.rb_node. The parent of each node must be the node above, and the two children of a node must
 * differ, so no node is visited twice. Otherwise, or if the tree is too deep, throws `DumpError`.
 */
export function* rbNodes(memory: Memory, at: RbNodeFields, root: bigint, walk: RbWalk): Generator<bigint> {
  /** Nodes that are still to come, the next one last. After each of them comes its right subtree. */
  const open: Visited[] = [];
  let { isBefore } = walk;
  let found = 0;
  /** Descends to the first node needed below a child. */
  const down = (child: bigint, parent: bigint, depth: number): void => {
    while (child !== 0n) {
      const links = linksOf(memory, at, { node: child, parent, depth, open }, walk);
      if (links === null) return;
      const isWanted = isBefore?.(child) !== true;
      if (isWanted) open.push(links);
      [child, parent, depth] = [isWanted ? links.left : links.right, child, depth + 1];
    }
  };
  down(root, 0n, 0);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    isBefore = undefined;
    if (found === walk.most) throw new DumpError(`${walk.what}: more than ${walk.most} ${walk.member}s`);
    found++;
    yield next.node;
    down(next.right, next.node, next.depth + 1);
  }
}

interface Place {
  readonly node: bigint;
  readonly parent: bigint;
  readonly depth: number;
  readonly open: readonly Visited[];
}

/** Reads the links of a node; null if it can't be read and `lost` is given. */
function linksOf(memory: Memory, at: RbNodeFields, place: Place, { what, lost }: RbWalk): Visited | null {
  const { node, parent, depth, open } = place;
  if (depth === DEEPEST) throw new DumpError(`${what}: deeper than ${DEEPEST} at 0x${node.toString(16)}`);
  const bytes = memory.read(node, at.bytes);
  if (isUnreadable(bytes)) {
    const error = unreadableError(bytes, node, `node of the ${what}`);
    if (lost === undefined) throw error;
    lost(error);
    return null;
  }
  const up = bytes.u64(at.parent.offset) & ~3n;
  if (up !== parent && open.some((visited) => visited.node === node)) throw twice(what, node);
  if (up !== parent)
    throw bytes.error(
      at.parent.offset,
      `${what}: a node below 0x${parent.toString(16)} names 0x${up.toString(16)} as its parent`,
    );
  const [left, right] = [bytes.u64(at.left.offset), bytes.u64(at.right.offset)];
  if (left !== 0n && left === right) throw twice(what, left);
  return { node, depth, left, right };
}

const twice = (what: string, node: bigint): DumpError =>
  new DumpError(`${what}: the node at 0x${node.toString(16)} occurs twice`);
