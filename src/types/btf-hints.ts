// SPDX-License-Identifier: Apache-2.0
import type { BtfGroup } from './btf-walk.js';

/**
 * The IDs that names had in the BTF of the same build in earlier runs. That a type has the name is proven by the BTF and the kernel's
 * index of it; that no type before it has, is not.
 */
export interface TypeHints {
  /** Whether nothing is known. */
  readonly isEmpty: boolean;
  /** The ID of a type; undefined if it is not known. */
  id(group: BtfGroup, name: string): number | undefined;
  /** Notes what a search of the BTF has found. */
  learn(group: BtfGroup, name: string, id: number): void;
}
