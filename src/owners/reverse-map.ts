// SPDX-License-Identifier: Apache-2.0
import type { Lost } from '../core/errors.js';
import { orLost } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import type { Vma } from '../kernel/vma.js';
import type { PageFacts } from '../pages/facts.js';
import { ksmItems } from './ksm-items.js';
import { type TreeOfVmas, VmaTrees } from './vma-trees.js';

/** A place where a page can be mapped. */
export interface Candidate {
  /** Address of the mm_struct. */
  readonly mm: bigint;
  readonly vma: Vma;
  /** Virtual page number. */
  readonly page: number;
}

/** All places where a page can be mapped. `missing`: why there may be others; null if there are none. */
export interface Candidates {
  readonly all: readonly Candidate[];
  readonly missing: string | null;
}

/** Marks in page->mapping (include/linux/page-flags.h): anonymous memory, and with both bits KSM. */
const ANON = 1n;
const MARKS = 3n;
const PAGE = 4096n;

/**
 * The reverse map of a kernel, which leads from a page to every mapping that can have it (mm/rmap.c, rmap_walk): by its
 * anon_vma, by its file, or by KSM's stable node. Whether a mapping has the page is in its page table.
 */
export class ReverseMap {
  readonly #host: Host;
  readonly #trees: VmaTrees;

  /** Throws `DumpError` if this kernel's reverse map is not known. */
  constructor(host: Host) {
    this.#host = host;
    this.#trees = new VmaTrees(host);
  }

  /** The places where the page that `facts` describe can be mapped. */
  of(facts: PageFacts): Candidates {
    const { link } = facts;
    if (link === 0n) return NONE;
    const target = link & ~MARKS;
    if ((link & MARKS) === MARKS) return this.#ofKsm(target);
    const pages = pageOffsets(facts);
    if ((link & MARKS) === ANON) return placed(this.#trees.ofAnon(target), pages);
    if ((link & MARKS) !== 0n || facts.mapping?.inode == null)
      return { all: [], missing: 'the file of the page is not known' };
    return placed(this.#trees.ofFile(target), pages);
  }

  #ofKsm(node: bigint): Candidates {
    const all = new Map<string, Candidate>();
    let missing: string | null = null;
    const lost: Lost = (why) => {
      missing ??= why.message;
    };
    orLost(lost, () => {
      for (const { address, anonVma } of ksmItems(this.#host, node)) {
        const tree = this.#trees.ofAnon(anonVma);
        missing ??= tree.missing;
        for (const { vma, mm } of tree.all)
          if (address >= vma.start && address < vma.end)
            all.set(`${mm} ${address}`, { mm, vma, page: Number(address / PAGE) });
      }
    });
    return { all: [...all.values()], missing };
  }
}

const NONE: Candidates = { all: [], missing: null };

/** The offsets that a page can have in its anon_vma or its file, in pages: one, or none or two if that is not clear. */
function pageOffsets({ kind, index, head, frame, order, mapping }: PageFacts): readonly number[] {
  if (mapping?.offset != null) return [mapping.offset / 4096];
  if (index === null) return [];
  const further = head === null ? 0 : frame - head;
  // Up to v6.6 the unit of huge pages is a huge page.
  return kind === 'hugetlb' && index > 0 ? [index + further, index * 2 ** order + further] : [index + further];
}

function placed({ all, missing }: TreeOfVmas, pages: readonly number[]): Candidates {
  const [first = [], second = []] = pages.map((page) => all.flatMap(({ vma, mm }) => placeIn(vma, mm, page) ?? []));
  const isUnclear = pages.length === 0 || (first.length > 0 && second.length > 0);
  return {
    all: [...first, ...second],
    missing: missing ?? (isUnclear ? 'the offset of the page is not clear' : null),
  };
}

/** The place of a page in a mapping; null if the mapping does not reach that far. */
function placeIn(vma: Vma, mm: bigint, page: number): Candidate | null {
  const at = BigInt(page) - vma.pgoff + vma.start / PAGE;
  return at >= vma.start / PAGE && at < vma.end / PAGE ? { mm, vma, page: Number(at) } : null;
}
