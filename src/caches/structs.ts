// SPDX-License-Identifier: Apache-2.0
// The members of kernel structures that lead to pages in caches. Of several names, the newest comes first.
import { enumeration, fields, optional, required } from '../types/fields.js';

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
/** A bit for each page of zeros, of which nothing is written (v6.12 and later; then a bit of the table of a cluster). */
export const swapZerosFields = fields('swap_info_struct', { zeros: optional('zeromap', 8) });
/** The swap cache is a table for each cluster of slots in the kernels that have this member (6.18 and later). */
export const swapClusterFields = fields('swap_cluster_info', { table: optional('table', 8) });
/** mm/swap_table.h: SWAPFILE_CLUSTER entries. */
export const swapTableFields = fields('swap_table', { entries: required('entries', 8) });

/** mm/zsmalloc.c, mm/zpdesc.h: struct page of its pages. */
export const zsmallocPageFields = fields('page', {
  /** The next page of the group, or of a page with one object its handle. */
  index: required(['index', '__folio_index'], 8),
  private: required('private', 8),
  /** Up to v5.16, the next page of the group. */
  freelist: optional('freelist', 8),
});

/** mm/zswap.c */
export const zswapEntryFields = fields('zswap_entry', {
  // The whole entry since v6.8, before the offset; then a node of the tree as well.
  entry: optional('swpentry', 8),
  offset: optional('offset', 8),
  node: optional('rbnode'),
  length: required('length', 4),
  pool: required('pool', 8),
  handle: required('handle', 8),
});
export const zswapTreeFields = fields('zswap_tree', { root: optional('rbroot.rb_node', 8) });
export const zswapPoolFields = fields('zswap_pool', {
  algorithm: required('tfm_name'),
  // Of several allocators one (up to v6.17); zsmalloc is the only one later.
  allocator: optional('zpool', 8),
});
/** At the start of an object of an allocator that can write pages back, up to v6.5. */
export const zswapHeaderFields = fields('zswap_header', { entry: required('swpentry', 8) });
export const zpoolFields = fields('zpool', { driver: required('driver', 8) });
export const zpoolDriverFields = fields('zpool_driver', { type: required('type', 8) });
/** include/linux/xarray.h */
export const xarrayFields = fields('xarray', { head: required('xa_head', 8) });

/** include/linux/swap.h, blk_types.h, blkdev.h */
export const swapDeviceFields = fields('swap_info_struct', {
  flags: optional('flags', 8),
  device: optional('bdev', 8),
});
export const blockDeviceFields = fields('block_device', { disk: required('bd_disk', 8) });
export const gendiskFields = fields('gendisk', { name: required('disk_name'), private: required('private_data', 8) });

/** drivers/block/zram/zram_drv.h: structures of module zram. */
export const zramFields = fields('zram', {
  table: required('table', 8),
  disk: required('disk', 8),
  size: required('disksize', 8),
  // Several algorithms since v6.2; before the name of one, in the structure itself.
  algorithms: optional('comp_algs', 8),
  algorithm: optional('compressor'),
});
export const zramEntryFields = fields('zram_table_entry', {
  // In a union with `element` up to v6.15.
  handle: required('handle', 8),
  flags: required(['attr.flags', 'flags', 'value']),
});
/** The first value is the lowest bit of the flags; below it is the size. */
export const zramFlags = enumeration('zram_pageflags');
