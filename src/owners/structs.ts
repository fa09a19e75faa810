// SPDX-License-Identifier: Apache-2.0
// The members that lead from a page to the mappings that have it (the reverse map).
import { fields, optional, required } from '../types/fields.js';

/** include/linux/rmap.h. Up to v3.6 the VMAs of an anon_vma are in a list, which is not read. */
export const anonVmaFields = fields('anon_vma', { root: optional(['rb_root.rb_root.rb_node', 'rb_root.rb_node'], 8) });
export const anonVmaChainFields = fields('anon_vma_chain', { vma: required('vma', 8), node: optional('rb') });
/** include/linux/mm_types.h: in the tree of a file's mappings. */
export const vmaLinkFields = fields('vm_area_struct', {
  mm: required('vm_mm', 8),
  node: optional(['shared.rb', 'shared.linear.rb']),
});
/** include/linux/fs.h: the mappings of a file. Up to v3.6 in a priority tree, which is not read. */
export const fileVmasFields = fields('address_space', {
  root: optional(['i_mmap.rb_root.rb_node', 'i_mmap.rb_node'], 8),
});

/** mm/ksm.c; renamed in Linux commit 21fbd59136e0 ("ksm: add the ksm prefix to the names of the ksm private structures") (in v6.1). */
const stable = { items: required('hlist') };
const item = {
  mm: required('mm', 8),
  address: required('address', 8),
  anonVma: required('anon_vma', 8),
  link: required('hlist'),
};
export const stableNodeFields = fields('ksm_stable_node', stable);
export const oldStableNodeFields = fields('stable_node', stable);
export const rmapItemFields = fields('ksm_rmap_item', item);
export const oldRmapItemFields = fields('rmap_item', item);
