// SPDX-License-Identifier: Apache-2.0
// The members of kernel structures that say what a page is. Of several names, the newest comes first.
import { enumeration, fields, optional, required } from '../types/fields.js';

/** include/linux/mm_types.h. The members of compound pages are those of the first or the second tail page. */
export const structPageFields = fields('page', {
  flags: required('flags', 8),
  mapping: required('mapping', 8),
  // Renamed in Linux commit acc53a0b4c15 ("mm: rename page->index to page->__folio_index") (in v6.16).
  index: required(['index', '__folio_index'], 8),
  private: required('private', 8),
  lru: required('lru'),
  // Renamed in Linux commit 0139aa7b7fa1 ("mm: rename _count, field of the struct page, to _refcount") (in v4.7).
  count: required(['_refcount', '_count'], 4),
  refcount: optional('_refcount', 4),
  mapcount: required('_mapcount', 4),
  // Since Linux commit 6e292b9be7f4 ("mm: split page_type out from _mapcount") (in v4.18).
  type: optional('page_type', 4),
  // The head of a tail page: up to v4.3, since Linux commit 1d798ca3f164 ("mm: make compound_head() robust") (in v4.4), and in
  // 7.1 and later.
  firstPage: optional('first_page', 8),
  compoundHead: optional('compound_head', 8),
  compoundInfo: optional('compound_info', 8),
  compoundOrder: optional('compound_order'),
  compoundDtor: optional('compound_dtor'),
  compoundMapcount: optional('compound_mapcount', 4),
  // In the first tail page since v5.18, in the second one before, since v5.7.
  compoundPincount: optional('compound_pincount', 4),
  hpagePincount: optional('hpage_pinned_refcount', 4),
  // Since Linux commit bcfe06bf2622 ("mm: memcontrol: Use helpers to read page's memcg data") (in v5.11).
  memcgData: optional('memcg_data', 8),
  memCgroup: optional('mem_cgroup', 8),
});

/** include/linux/mm_types.h: members that lie in the first tail page. */
export const folioTailFields = fields('folio', {
  order: optional('_folio_order', 1),
  dtor: optional('_folio_dtor', 1),
  flags1: optional('_flags_1', 8),
  entireMapcount: optional('_entire_mapcount', 4),
  largeMapcount: optional('_large_mapcount', 4),
  pagesMapped: optional(['_nr_pages_mapped', '_subpages_mapcount'], 4),
  pincount: optional('_pincount', 4),
});

/** mm/util.c: fs/proc/page.c takes a snapshot of the folio in kernels that have it. */
export const snapshotFields = fields('page_snapshot', {});

/** include/linux/page-flags.h: types of pages that are not mapped. Since v6.11 an enumeration. */
export const pageTypes = enumeration('pagetype');
/** include/linux/mm.h: up to v6.5. */
export const compoundDtors = enumeration('compound_dtor_id');
/** include/linux/mmzone.h */
export const zoneTypes = enumeration('zone_type');
export const nodeCounters = enumeration('node_stat_item');
export const migrateTypes = enumeration('migratetype');

/** include/linux/mmzone.h, CONFIG_SPARSEMEM. */
export const sectionFields = fields('mem_section', {
  map: required('section_mem_map', 8),
  // Since Linux commit f1eca35a0dc7 ("mm/sparsemem: introduce struct mem_section_usage") (in v5.3).
  usage: optional('usage', 8),
});
export const sectionUsageFields = fields('mem_section_usage', { subsections: optional('subsection_map', 8) });

/** include/linux/mmzone.h */
export const nodeZonesFields = fields('pglist_data', { zones: required('node_zones') });
export const zoneFields = fields('zone', {
  name: required('name', 8),
  start: required('zone_start_pfn', 8),
  spanned: required('spanned_pages', 8),
  // Renamed in v5.14. A pointer to per-CPU memory since v2.6.34; before, one structure or pointer for each CPU.
  lists: optional(['per_cpu_pageset', 'pageset'], 8),
});
export const pageListsFields = fields('per_cpu_pages', { count: required('count', 4), lists: required('lists') });
export const pageSetFields = fields('per_cpu_pageset', { lists: required('pcp') });

/** include/linux/memcontrol.h, cgroup-defs.h, kernfs.h */
export const memcgFields = fields('mem_cgroup', { css: required('css') });
export const cssFields = fields('cgroup_subsys_state', {
  cgroup: required('cgroup', 8),
  subsystem: optional('ss', 8),
  flags: required('flags'),
  // Since Linux commit 0ae78e0bf10a ("cgroup: add cgroup_subsys_state->parent") (in v3.12).
  parent: optional('parent', 8),
});
export const objCgroupFields = fields('obj_cgroup', { memcg: required('memcg', 8) });
/** Since Linux commit 2bd59d48ebfb ("cgroup: convert to kernfs") (in v3.15). */
export const cgroupFields = fields('cgroup', { node: optional('kn', 8) });
export const kernfsFields = fields('kernfs_node', {
  parent: required(['__parent', 'parent'], 8),
  name: required('name', 8),
});

/** include/linux/fs.h: the file whose pages an address_space holds. */
export const addressSpaceFields = fields('address_space', {
  host: required('host', 8),
  pages: required(['i_pages.xa_head', 'i_pages.rnode', 'page_tree.rnode'], 8),
});
export const inodeMappingFields = fields('inode', { number: required('i_ino', 8), mapping: required('i_mapping', 8) });
