// SPDX-License-Identifier: Apache-2.0
import type { BtfGroup } from './btf-walk.js';

/**
 * The IDs that names had in the BTF of the same build in earlier runs, which need not be true. What follows from them is
 * proven by the BTF and the kernel's index of it.
 */
export interface TypeHints {
  /** Whether nothing is known. */
  readonly isEmpty: boolean;
  /** The ID of a type; undefined if it is not known. */
  id(group: BtfGroup, name: string): number | undefined;
  /** Notes what was found in the BTF. */
  learn(group: BtfGroup, name: string, id: number): void;
}
