// SPDX-License-Identifier: Apache-2.0
// The members of kernel structures that lead to pages in caches. Of several names, the newest comes first.
import { fields, optional, required } from '../types/fields.js';

/** include/linux/fs.h */
export const fileMappingFields = fields('file', { mapping: required('f_mapping', 8) });
export const addressSpaceFields = fields('address_space', {
  host: required('host', 8),
  // A radix tree, named page_tree until Linux commit b93b016313b3 ("page cache: use xa_lock") (in v4.17); an XArray since v4.20.
  pages: required(['i_pages.xa_head', 'i_pages.rnode', 'page_tree.rnode'], 8),
});

/** include/linux/mm_types.h */
export const cachedPageFields = fields('page', {
  flags: required('flags', 8),
  mapping: required('mapping', 8),
  // Renamed in Linux commit acc53a0b4c15 ("mm: rename page->index to page->__folio_index") (in v6.16).
  index: required(['index', '__folio_index'], 8),
  private: required('private', 8),
  // Renamed in Linux commit 0139aa7b7fa1 ("mm: rename _count, field of the struct page, to _refcount") (in v4.7).
  count: required(['_refcount', '_count'], 4),
  // The head of a tail page: up to v4.3, since Linux commit 1d798ca3f164 ("mm: make compound_head() robust") (in v4.4), and in
  // 7.1 and later.
  firstPage: optional('first_page', 8),
  compoundHead: optional('compound_head', 8),
  compoundInfo: optional('compound_info', 8),
});

/** include/linux/swap.h, mm/swap.h */
export const swapClustersFields = fields('swap_info_struct', { clusters: optional('cluster_info', 8) });
/** The swap cache is a table for each cluster of slots in the kernels that have this member (6.18 and later). */
export const swapClusterFields = fields('swap_cluster_info', { table: optional('table', 8) });
/** mm/swap_table.h: SWAPFILE_CLUSTER entries. */
export const swapTableFields = fields('swap_table', { entries: required('entries', 8) });
