// SPDX-License-Identifier: Apache-2.0
// What a search could not see, for all frames together.
import { printable } from '../core/text.js';
import type { Space, Spaces } from './address-spaces.js';
import type { Hidden } from './hidden.js';

/** What the search of a host could not see. */
export class Unseen {
  /** Texts: processes, mappings and page tables that could not be searched. */
  readonly problems: readonly string[];
  readonly #noVms: readonly string[];

  constructor({ missing, noVms }: Spaces, hidden: readonly Hidden[]) {
    this.problems = shortened([...missing, ...hidden.flatMap(textsOf)]);
    this.#noVms = shortened(noVms);
  }

  /** Whether page tables may map pages that were not seen. */
  get isAny(): boolean {
    return this.problems.length > 0;
  }

  /** Why the page of one of these processes may be in the memory of a VM that is not known. */
  unknownVms(spaces: Iterable<Space>): readonly string[] {
    const all = [...spaces];
    return all.length === 0 ? [] : [...this.#noVms, ...all.flatMap(({ problems }) => problems)];
  }
}

/** Texts that each record repeats: the first few, and how many there are. */
const MOST = 5;
const shortened = (texts: readonly string[]): readonly string[] =>
  texts.length <= MOST ? texts : [...texts.slice(0, MOST), `and ${texts.length - MOST} others like these`];

/** The name of an address space in messages. */
export const spaceName = ({ address, pid, comm }: Space): string =>
  pid === null
    ? `a process that is not known (mm_struct at 0x${address.toString(16)})`
    : `pid ${pid} (${printable(comm ?? '')})`;

function textsOf({ space, missing, pages, why }: Hidden): string[] {
  return [
    ...(missing === null ? [] : [`${spaceName(space)}: mappings may be missing: ${missing}`]),
    ...(why === null ? [] : [`${spaceName(space)}: it is not known what ${pages} pages map: ${why}`]),
  ];
}
