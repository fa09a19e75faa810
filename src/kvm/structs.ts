// SPDX-License-Identifier: Apache-2.0
// The members of KVM's structures that are read (include/linux/kvm_host.h).
import { fields, optional, required } from '../types/fields.js';

export const kvmFields = fields('kvm', {
  mm: required('mm', 8),
  memslots: required('memslots', 8),
  vmList: required('vm_list'),
  // Since Linux 4.19: pid of the process that made the VM.
  userspacePid: optional('userspace_pid', 4),
  // CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES, since 6.8.
  attributes: optional('mem_attr_array.xa_head', 8),
});

// Since Linux commit a54d806688fe ("KVM: Keep memslots in tree-based structures instead of array-based ones")
// (in v5.17) slots hang in red-black trees; of each VM's two sets one is live, and node_idx tells which links it uses.
export const treeMemslotsFields = fields('kvm_memslots', {
  root: required('gfn_tree.rb_node', 8),
  index: required('node_idx', 4),
});

export const treeSlotFields = fields('kvm_memory_slot', {
  node: required('gfn_node'),
});

export const slotFields = fields('kvm_memory_slot', {
  baseGfn: required('base_gfn', 8),
  pages: required('npages', 8),
  hva: required('userspace_addr', 8),
  flags: required('flags'),
  id: required('id', 2),
  // guest_memfd, since 6.8.
  gmem: optional('gmem'),
});

/** include/linux/rbtree_types.h */
export const rbNodeFields = fields('rb_node', { left: required('rb_left', 8), right: required('rb_right', 8) });
