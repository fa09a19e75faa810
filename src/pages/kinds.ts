// SPDX-License-Identifier: Apache-2.0

/** Kinds of pages. */
export const PAGE_KINDS = [
  'anonymous',
  'ksm',
  'shmem',
  'file',
  'hugetlb',
  'zero',
  'free',
  'slab',
  'page-table',
  'reserved',
  'offline',
  'kernel',
  'none',
  'unknown',
] as const;
/** What a page is. docs/pages.md explains the kinds. */
export type PageKind = (typeof PAGE_KINDS)[number];

/** Kinds of what the mapping of a struct page points to. */
export const MAPPING_KINDS = ['anonymous', 'ksm', 'shmem', 'file', 'hugetlb', 'movable'] as const;
/** Kind of what the mapping of a struct page points to. */
export type MappingKind = (typeof MAPPING_KINDS)[number];
