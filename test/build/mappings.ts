// SPDX-License-Identifier: Apache-2.0
// Mappings of a process, in the two kinds of trees that kernels have used.
import type { SyntheticHost } from './host.js';
import { MAPLE, mapleTree } from './maple.js';
import { KVM_TYPES, SMALL_KERNEL } from './small-kernel.js';

const VMA = `vm_area_struct {
  u64 vm_start
  u64 vm_end
  ptr vm_mm
  pad 40
  u64 vm_flags
  u64 vm_pgoff
  ptr vm_file
}
`;

/** The place of a mapping. */
export interface Wish {
  readonly start: bigint;
  readonly end: bigint;
}

export interface EraOfMappings {
  readonly types: string;
  /** Puts the mappings into the mm's tree. */
  readonly plant: (host: SyntheticHost, mm: bigint, list: readonly Wish[], addresses: readonly bigint[]) => void;
}

export const eras: Readonly<Record<string, EraOfMappings>> = {
  'a red-black tree': {
    types:
      SMALL_KERNEL.replace('struct maple_tree mm_mt', 'struct rb_root mm_rb') +
      KVM_TYPES +
      VMA.replace('pad 40', 'struct rb_node vm_rb'),
    plant: (host, mm, _list, addresses) => {
      const toNode = host.offset('vm_area_struct', 'vm_rb');
      const build = (from: number, to: number, parent: bigint): bigint => {
        if (from >= to) return 0n;
        const middle = (from + to) >> 1;
        const node = (addresses[middle] as bigint) + toNode;
        const [left, right] = [build(from, middle, node), build(middle + 1, to, node)];
        host.set('rb_node', node, { __rb_parent_color: parent | 1n, rb_left: left, rb_right: right });
        return node;
      };
      host.set('mm_struct', mm, { 'mm_rb.rb_node': build(0, addresses.length, 0n) });
    },
  },
  'a maple tree': {
    types: SMALL_KERNEL + KVM_TYPES + MAPLE + VMA,
    plant: (host, mm, list, addresses) => {
      const tree = mm + host.offset('mm_struct', 'mm_mt');
      const entries = list.map(({ start, end }, i) => ({
        first: start,
        last: end - 1n,
        entry: addresses[i] as bigint,
      }));
      host.set('mm_struct', mm, { 'mm_mt.ma_root': list.length === 0 ? 0n : mapleTree(host, tree, entries) });
    },
  },
};
