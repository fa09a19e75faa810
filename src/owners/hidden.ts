// SPDX-License-Identifier: Apache-2.0
import type { Space } from './address-spaces.js';

/** What could not be searched in a process, and why. */
export class Hidden {
  /** Why mappings may be missing; null if none is. */
  missing: string | null = null;
  /** The first reason why it is not known what some pages map. */
  why: string | null = null;
  /** Number of these pages. */
  pages = 0;

  constructor(readonly space: Space) {}

  get isEmpty(): boolean {
    return this.pages === 0 && this.missing === null;
  }

  add(pages: number, why: string): void {
    this.pages += pages;
    this.why ??= why;
  }
}
