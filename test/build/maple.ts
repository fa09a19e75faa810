// SPDX-License-Identifier: Apache-2.0
// Writes maple trees in the layout of lib/maple_tree.c, from the leaves up; the test chooses how full nodes are.
import type { SyntheticKernel } from './kernel.js';

const TOP = (1n << 64n) - 1n;
const LEAF = 1n;
const RANGE = 2n;
const ARANGE = 3n;
const SLOTS = 16;
const ARANGE_SLOTS = 10;

/** include/linux/maple_tree.h */
export const MAPLE = `
maple_metadata {
  u8 end
  u8 gap
}
maple_range_64 {
  ptr parent
  u64 pivot[15]
  union {
    ptr slot[16]
    struct {
      ptr pad[15]
      struct maple_metadata meta
    }
  }
}
maple_arange_64 {
  ptr parent
  u64 pivot[9]
  ptr slot[10]
  u64 gap[10]
  struct maple_metadata meta
}
maple_node {
  union {
    struct {
      ptr parent
      ptr slot[31]
    }
    struct maple_range_64 mr64
  }
}
`;

/** The entry for indices `first` to `last`. */
export interface Kept {
  readonly first: bigint;
  readonly last: bigint;
  readonly entry: bigint;
}

interface Made {
  readonly pointer: bigint;
  readonly last: bigint;
}

export interface MapleShape {
  /** How many of its slots a node uses, at least 1. */
  readonly fill?: (most: number) => number;
  /** Whether inner nodes record gaps, as in trees of mappings. */
  readonly gaps?: boolean;
}

/** Writes a tree with these entries, ascending and without gaps. Returns its ma_root. `tree`: address of the tree. */
export function mapleTree(
  kernel: SyntheticKernel,
  tree: bigint,
  entries: readonly Kept[],
  shape: MapleShape = {},
): bigint {
  const { fill = (most) => most - 1, gaps = true } = shape;
  let level: Made[] = pieces(withGaps(entries), SLOTS, fill).map((slots) =>
    leaf(
      kernel,
      slots.map(({ last, entry }) => ({ last, pointer: entry })),
    ),
  );
  while (level.length > 1)
    level = pieces(level, gaps ? ARANGE_SLOTS : SLOTS, (most) => Math.max(2, fill(most))).map((slots) =>
      inner(kernel, slots, gaps),
    );
  const root = (level[0] as Made).pointer;
  kernel.u64(root & ~0xffn, tree | 1n);
  return root | 2n;
}

function withGaps(entries: readonly Kept[]): Kept[] {
  const all: Kept[] = [];
  let next = 0n;
  for (const kept of [...entries, { first: TOP + 1n, last: TOP + 1n, entry: 0n }]) {
    if (kept.first > next) all.push({ first: next, last: kept.first - 1n, entry: 0n });
    if (kept.first <= TOP) all.push(kept);
    next = kept.last + 1n;
  }
  return all;
}

function pieces<T>(list: readonly T[], most: number, fill: (most: number) => number): T[][] {
  const found: T[][] = [];
  for (let from = 0; from < list.length; ) {
    const count = Math.min(most, Math.max(1, fill(most)));
    found.push(list.slice(from, from + count));
    from += count;
  }
  return found;
}

function leaf(kernel: SyntheticKernel, slots: readonly Made[]): Made {
  const node = kernel.allocate(256);
  return { pointer: write(kernel, node, 'maple_range_64', LEAF, slots), last: (slots.at(-1) as Made).last };
}

function inner(kernel: SyntheticKernel, slots: readonly Made[], gaps: boolean): Made {
  const node = kernel.allocate(256);
  slots.forEach(({ pointer }, slot) => {
    kernel.u64(pointer & ~0xffn, node | (BigInt(slot) << 3n) | 6n);
  });
  const [struct, type] = gaps ? (['maple_arange_64', ARANGE] as const) : (['maple_range_64', RANGE] as const);
  return { pointer: write(kernel, node, struct, type, slots), last: (slots.at(-1) as Made).last };
}

/** The pointer to the node. */
function write(kernel: SyntheticKernel, node: bigint, struct: string, type: bigint, slots: readonly Made[]): bigint {
  const pivots = struct === 'maple_range_64' ? SLOTS - 1 : ARANGE_SLOTS - 1;
  slots.forEach(({ pointer, last }, i) => {
    kernel.set(struct, node, { [`slot[${i}]`]: pointer });
    // The last slot in use ends where its node ends; in the kernel its pivot may or may not have that value too.
    if (i < pivots && (i + 1 < slots.length || i % 2 === 0)) kernel.set(struct, node, { [`pivot[${i}]`]: last });
  });
  // A leaf that uses all slots has no space for it.
  if (slots.length <= pivots || struct === 'maple_arange_64')
    kernel.set(struct, node, { 'meta.end': slots.length - 1 });
  return node | (type << 3n) | 4n;
}
