// SPDX-License-Identifier: Apache-2.0
// Writes XArrays, and the radix trees that preceded them, in the layout of each era.
import { ContainerMemory } from './containers.js';
import type { SyntheticKernel } from './kernel.js';
import { LISTS, XARRAYS } from './small-kernel.js';

/** An entry for 2^order indices, starting at `index`. */
export interface Stored {
  readonly index: bigint;
  readonly order: number;
  readonly entry: bigint;
}

interface Form {
  readonly types: string;
  readonly struct: string;
  /** The bits that mark a pointer to a node: in a slot, and in the root. */
  readonly tag: bigint;
  readonly rootTag: bigint;
  /** The orders that entries can have. */
  readonly orders: readonly number[];
  /** The entry for a value (not a pointer). */
  readonly value: (number: bigint) => bigint;
  readonly sibling: (slots: bigint, slot: number) => bigint;
  /** Members of a node that record its parent and its slot there. */
  readonly place: (shift: number, slot: number, parent: bigint) => Readonly<Record<string, bigint | number>>;
}

const radix = (members: string): string => `${LISTS}
radix_tree_node {
${members}
  ptr slots[64]
  u64 tags[3]
}
`;
const PATH = radix(`  u32 path
  u32 count
  union {
    struct {
      ptr parent
      ptr private_data
    }
    struct list_head rcu_head
  }
  struct list_head private_list`);
const to = (slots: bigint, slot: number): bigint => (slots + BigInt(slot * 8)) | 1n;
const all = [0, 1, 2, 3, 5, 6, 9, 12];
const path = (shift: number, slot: number, parent: bigint) => ({ path: (shift / 6 + 1) | (slot << 12), parent });
const exceptional = (number: bigint): bigint => (number << 2n) | 2n;

/** The forms, by kernel version. */
export const FORMS = {
  '4.20': {
    types: LISTS + XARRAYS,
    struct: 'xa_node',
    tag: 2n,
    rootTag: 2n,
    orders: all,
    value: (number) => (number << 1n) | 1n,
    sibling: (_slots, slot) => (BigInt(slot) << 2n) | 2n,
    place: (shift, offset, parent) => ({ shift, offset, parent }),
  },
  '4.14': {
    types: radix(
      '  u8 shift\n  u8 offset\n  u8 count\n  u8 exceptional\n  ptr parent\n  ptr root\n  struct list_head list',
    ),
    struct: 'radix_tree_node',
    tag: 1n,
    rootTag: 1n,
    orders: all,
    value: exceptional,
    sibling: to,
    place: (shift, offset, parent) => ({ shift, offset, parent }),
  },
  '4.6': {
    types: PATH,
    struct: 'radix_tree_node',
    tag: 1n,
    rootTag: 1n,
    orders: [0],
    value: exceptional,
    sibling: to,
    place: path,
  },
  '4.4': {
    types: PATH,
    struct: 'radix_tree_node',
    tag: 0n,
    rootTag: 1n,
    orders: [0],
    value: exceptional,
    sibling: to,
    place: path,
  },
  '2.6.32': {
    types: radix('  u32 height\n  u32 count\n  struct list_head rcu_head'),
    struct: 'radix_tree_node',
    tag: 0n,
    rootTag: 1n,
    orders: [0],
    value: () => 0xffff888000000000n,
    sibling: to,
    place: (shift) => ({ height: shift / 6 + 1 }),
  },
} satisfies Record<string, Form>;

export type FormName = keyof typeof FORMS;

/** Builds the nodes of an array of one form from its entries, in a synthetic kernel. */
export class ArrayWriter<K extends SyntheticKernel = SyntheticKernel> {
  readonly form: Form;

  constructor(
    readonly kernel: K,
    readonly name: FormName,
  ) {
    this.form = FORMS[name];
  }

  /** The value of xa_head (rnode). A single entry at index 0 is stored there directly, except in an IDR. */
  head(entries: readonly Stored[], isIdr = false): bigint {
    const [only] = entries;
    if (only === undefined) return 0n;
    if (!isIdr && entries.length === 1 && only.index === 0n && only.order === 0) return only.entry;
    let shift = 0;
    const end = entries.reduce(
      (top, { index, order }) => (index + 2n ** BigInt(order) > top ? index + 2n ** BigInt(order) : top),
      0n,
    );
    while (end > 1n << BigInt(shift + 6)) shift += 6;
    return this.node(entries, { shift, slot: 0, parent: 0n }) | this.form.rootTag;
  }

  /** Writes a node with these entries. Returns its address. */
  node(entries: readonly Stored[], { shift, slot, parent }: { shift: number; slot: number; parent: bigint }): bigint {
    const { form, kernel } = this;
    const node = kernel.make(form.struct, form.place(shift, slot, parent));
    const below = new Map<number, Stored[]>();
    for (const stored of entries) {
      const at = this.#slotOf(stored.index, shift);
      if (stored.order >= shift) this.#store(node, at, 2 ** (stored.order - shift), stored.entry);
      else below.set(at, [...(below.get(at) ?? []), stored]);
    }
    for (const [at, some] of below)
      this.set(node, at, this.node(some, { shift: shift - 6, slot: at, parent: node }) | form.tag);
    return node;
  }

  set(node: bigint, slot: number, value: bigint): void {
    this.kernel.set(this.form.struct, node, { [`slots[${slot}]`]: value });
  }

  /** The node in a slot. */
  child(node: bigint, slot: number): bigint {
    return this.kernel.pointer(node + this.kernel.offset(this.form.struct, `slots[${slot}]`)) & ~3n;
  }

  sibling(node: bigint, slot: number): bigint {
    return this.form.sibling(node + this.kernel.offset(this.form.struct, 'slots'), slot);
  }

  #store(node: bigint, slot: number, count: number, entry: bigint): void {
    this.set(node, slot, entry);
    for (let i = 1; i < count; i++) this.set(node, slot + i, this.sibling(node, slot));
  }

  #slotOf(index: bigint, shift: number): number {
    return Number((index >> BigInt(shift)) & 63n);
  }
}

/** Builds arrays in memory that contains nothing else. */
export class ArrayBuilder extends ArrayWriter<ContainerMemory> {
  constructor(name: FormName) {
    super(new ContainerMemory(FORMS[name].types), name);
  }
}
