// SPDX-License-Identifier: Apache-2.0
// Members of swap areas, and members that show which form a kernel's swap entries have.
import { fields, optional, required } from '../types/fields.js';

/** include/linux/swap.h */
export const swapInfoFields = fields('swap_info_struct', { max: required('max', 4), file: required('swap_file', 8) });

/** include/linux/mmzone.h: nodes have LRU lists of their own since v4.8, in which swap entries changed too. */
export const nodeListsFields = fields('pglist_data', { lruvec: optional(['lruvec', '__lruvec']) });

/**
 * include/linux/mm_types.h: from v3.15 (which adds vmacache_seqnum) to v3.19 (v4.0 adds nr_pmds), NUMA balancing used a
 * bit of its own, and swap offsets began above it.
 */
export const numaEraFields = fields('mm_struct', {
  since: optional('vmacache_seqnum'),
  until: optional(['nr_pmds', 'pgtables_bytes']),
  balancing: optional('numa_scan_seq'),
});

/** include/linux/module.h, mm_types.h: module memory is an array since v6.4; folios have a _folio_dtor up to v6.5. */
export const moduleMemoryFields = fields('module', { memory: optional('mem') });
export const folioFields = fields('folio', { destructor: optional('_folio_dtor') });
