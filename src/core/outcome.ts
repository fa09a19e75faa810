// SPDX-License-Identifier: Apache-2.0

/** Every `State`. */
export const STATES = [
  'mapped',
  'no-memslot',
  'slots-missing',
  'guest-memfd',
  'not-present',
  'swapped',
  'migrating',
  'poisoned',
  'marker',
  'table-missing',
  'noncanonical',
  'damaged',
  'moved',
  'invalid',
] as const;

/** Outcome of a translation, as listed in docs/output.md. Only `mapped` comes with a host physical address. */
export type State = (typeof STATES)[number];

/** Every `Reason`. */
export const REASONS = [
  'not-hexadecimal',
  'no-slot',
  'beyond-physical',
  'slot-unreadable',
  'gmem-private',
  'gmem-only',
  'gmem-attribute-unreadable',
  'hva-noncanonical',
  'empty-entry',
  'in-page-cache',
  'shmem-swapped',
  'page-cache-unreadable',
  'address-space-gone',
  'device-private',
  'device-exclusive',
  'swap-entry',
  'migration-entry',
  'hwpoison-entry',
  'marker-entry',
  'swapin-error',
  'table-excluded',
  'table-outside',
  'table-cut-off',
  'table-undecodable',
  'table-unreadable',
  'table-absent',
  'bad-entry',
  'entry-moved',
  'gva-noncanonical',
  'gva-not-present',
  'gva-reserved-bits',
  'gva-table-missing',
  'gva-table-empty',
] as const;

/** Why an address has no host physical address, in more detail than its state. */
export type Reason = (typeof REASONS)[number];
