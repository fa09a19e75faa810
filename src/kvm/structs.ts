// SPDX-License-Identifier: Apache-2.0
// The members of KVM's structures that this program reads (include/linux/kvm_host.h).
import { fields, optional, required } from '../types/fields.js';

/** Read only for the output of `vms`. */
export const kvmAboutFields = fields('kvm', {
  vcpus: required('online_vcpus.counter', 4),
  // Since Linux 4.8.
  created: optional('created_vcpus', 4),
  // Since Linux commit 89ea60c2c7b5 ("KVM: x86: Add support for "protected VMs" that can utilize private memory") (in v6.8).
  type: optional('arch.vm_type'),
});

export const kvmFields = fields('kvm', {
  mm: required('mm', 8),
  // Up to 2.6.32 the slots themselves; later a pointer to them; since 4.2 a pointer for each address space.
  memslots: required('memslots'),
  // Number of pages in the slots of all address spaces, since Linux 5.17.
  pages: optional('nr_memslot_pages'),
  vmList: required('vm_list'),
  // Pid of the process that created the VM, since Linux 4.19.
  userspacePid: optional('userspace_pid', 4),
  // CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES, since 6.8.
  attributes: optional('mem_attr_array.xa_head', 8),
});

// Since Linux commit a54d806688fe ("KVM: Keep memslots in tree-based structures instead of array-based ones")
// (in v5.17) slots are in red-black trees. Of the two sets of each address space one is active; node_idx says which links
// it uses.
export const treeMemslotsFields = fields('kvm_memslots', {
  root: required('gfn_tree.rb_node', 8),
  index: required('node_idx', 4),
  ids: optional('id_hash'),
});

/** Up to 5.16. If the slots are a flexible array at the end, the size of id_to_index is the maximum number of slots. */
const arrays = {
  slots: required('memslots'),
  used: optional(['used_slots', 'nmemslots'], 4),
  // used_slots counts only slots with pages; nmemslots counts all slots up to the last one with pages.
  filled: optional('used_slots', 4),
  ids: optional('id_to_index'),
};
export const arrayMemslotsFields = fields('kvm_memslots', arrays);
export const inlineMemslotsFields = fields('kvm', arrays);

export const treeSlotFields = fields('kvm_memory_slot', {
  node: required('gfn_node'),
  idNode: optional('id_node'),
  hvaNode: optional('hva_node'),
});
/** include/linux/interval_tree.h: the addresses `start` to `last` - of a memslot, those in the process. */
export const intervalFields = fields('interval_tree_node', { start: required('start', 8), last: required('last', 8) });

export const slotFields = fields('kvm_memory_slot', {
  baseGfn: required('base_gfn', 8),
  pages: required('npages', 8),
  hva: required('userspace_addr', 8),
  flags: required('flags'),
  // Absent in 2.6.32, where the id of a slot is its index in the array.
  id: optional('id'),
  // guest_memfd, since 6.8.
  gmem: optional('gmem'),
});
/** The guest_memfd of a slot: its struct file, and the page in it of the slot's first page. */
export const slotMemfdFields = fields('kvm_memory_slot', {
  file: optional('gmem.file', 8),
  pgoff: optional('gmem.pgoff', 8),
});
