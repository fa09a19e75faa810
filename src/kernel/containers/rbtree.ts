// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import { isUnreadable, type Memory, readOf, unreadableError } from '../../core/memory.js';
import type { Resolved } from '../../types/fields.js';
import type { rbNodeFields } from '../structs.js';

/** A red-black tree of 2^32 nodes is no deeper. */
const DEEPEST = 64;

type RbNodeFields = Resolved<typeof rbNodeFields>;

/**
 * The nodes of a red-black tree on the way down from its root (lib/rbtree.c), until `step` says that it has arrived;
 * it is given a node's address and says where to go on. Null when the way ends without it.
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

/** How the nodes of a tree are gone through. */
export interface RbWalk {
  /** Names of the tree and of what it holds, for errors: `memslot tree`, `slot`. */
  readonly what: string;
  readonly member: string;
  /** More nodes are a `DumpError`. */
  readonly most: number;
  /** Whether a node lies before the first that is wanted, and so all nodes on its left too. Asked until that is found. */
  readonly isBefore?: (node: bigint) => boolean;
  /** Told of each node that can't be read; the rest is found. Without it such a node is a `DumpError`. */
  readonly lost?: (why: DumpError) => void;
}

/** A node that was read, how deep it lies, and its children. */
interface Visited {
  readonly node: bigint;
  readonly depth: number;
  readonly left: bigint;
  readonly right: bigint;
}

/**
 * The nodes of a red-black tree in order: all of them, or those from the first that is wanted on, in O(log n + k) reads.
 * `root` is the value of rb_root.rb_node. Each node must name the one above it as its parent, and no node has the same
 * child twice: so none is met twice. What breaks this, or is deeper than a red-black tree can be, is a `DumpError`.
 */
export function* rbNodes(memory: Memory, at: RbNodeFields, root: bigint, walk: RbWalk): Generator<bigint> {
  /** Nodes that are still to come, the next one last; what hangs on their right comes after each of them. */
  const open: Visited[] = [];
  let { isBefore } = walk;
  let found = 0;
  /** Goes down to the first wanted node below a child. */
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

/** Null for a node that can't be read, where that is allowed. */
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
  new DumpError(`${what}: the node at 0x${node.toString(16)} is met twice`);
