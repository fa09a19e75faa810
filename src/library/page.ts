// SPDX-License-Identifier: Apache-2.0
import type { PageRow } from '../commands/page-row.js';
import { UsageError } from '../core/errors.js';
import type { PageMapping } from '../pages/facts.js';
import type { PageKind } from '../pages/kinds.js';
import type { SwapPlace } from '../spaces/space.js';
import { addressOf, byteOf, lengthOf, PAGE, pageOf } from './addresses.js';
import type { Gap } from './physical.js';

/**
 * A physical page of the host. Members other than `hpa`, `frame`, `kind`, `inDump` and `problems` are null if they are not
 * known: for a page without a struct page (`none`), and for one whose struct page is not in the dump (`unknown`).
 */
export interface HostPage {
  /** Host physical address (HPA) of its first byte. */
  readonly hpa: bigint;
  /** The address divided by 4096. */
  readonly frame: number;
  /** Address of its struct page. */
  readonly struct: bigint | null;
  /** What it is (docs/pages.md). */
  readonly kind: PageKind;
  /** The flags of its own struct page. */
  readonly flags: bigint | null;
  /** Names of the flags that are set. */
  readonly flagNames: readonly string[] | null;
  /** The word of /proc/kpageflags. */
  readonly kpageflags: bigint | null;
  /** Names of its bits, as page-types has them. */
  readonly kpageflagNames: readonly string[] | null;
  /** Mappings of the page, as in /proc/kpagecount. */
  readonly kpagecount: number | null;
  /** References to the page, or to the compound page that it is a part of. */
  readonly refcount: number | null;
  /** Mappings of the page, or of the compound page and its parts. */
  readonly mapcount: number | null;
  /** Pins; null also if the kernel does not count them. */
  readonly pinned: number | null;
  /** The compound page that it is a part of, which has 2^order pages; null also if it is not a part of one. */
  readonly compound: { readonly head: number; readonly order: number; readonly tail: boolean } | null;
  /** The kind of huge page; null also for other pages. */
  readonly huge: 'thp' | 'hugetlb' | null;
  /** NUMA node. */
  readonly node: number | null;
  /** Name of the zone. */
  readonly zone: string | null;
  /** Path of the memory cgroup that is charged; null also if none is. */
  readonly memcg: string | null;
  /** What the mapping of its struct page says; null also if nothing, or if it means something else. */
  readonly mapping: Readonly<PageMapping> | null;
  /** Mappings of a page that KSM merged; null also for other pages. */
  readonly ksm: { readonly sharers: number } | null;
  /** The place in swap of a page in the swap cache; null also for other pages. */
  readonly swap: SwapPlace | null;
  /** The word of the gpa_hpa hypercall: bit 0, compound; bit 1, mapped; bits 2 to 6, order. */
  readonly gpaHpaFlags: number | null;
  /** Whether its bytes are in the dump, or why not. */
  readonly inDump: 'yes' | Gap['reason'];
  /** What could not be read, and why. */
  readonly problems: readonly string[];
}

/** Frames of the physical address space of x86-64, which has 52 bits. */
const FRAMES = 2n ** 40n;

/** The frames that hold `length` bytes from a host physical address on; those that no machine has are left out. */
export function framesOf(address: bigint | number, length: number): { first: number; end: number } {
  const start = addressOf(address, 'physical address');
  const first = pageOf(start).page;
  if (first >= FRAMES) throw new UsageError(`0x${start.toString(16)} is above the physical address space of x86-64`);
  const end = (start + BigInt(lengthOf(length)) + BigInt(PAGE) - 1n) / BigInt(PAGE);
  return { first: Number(first), end: Number(end < FRAMES ? end : FRAMES) };
}

/** The pages of a range, up to the end of the machine's memory. */
export function* pagesOf(row: PageRow, first: number, end: number): Generator<HostPage, boolean> {
  let isWhole = true;
  // A single page is answered also beyond the memory.
  const last = Math.min(end, Math.max(row.facts.end, first + 1));
  for (let frame = first; frame < last; frame++) {
    const page = hostPage(row.set(frame, 0));
    isWhole &&= page.problems.length === 0;
    yield page;
  }
  return isWhole;
}

export function hostPage(row: PageRow): HostPage {
  const { facts, inDump } = row;
  const { frame, kind, kpage } = facts;
  const base = { hpa: byteOf(frame, 0), frame, kind, inDump, problems: facts.problems };
  const struct = kind === 'none' ? null : byteOf(facts.structPage, facts.structOffset);
  if (!row.isKnown) return { ...base, ...UNKNOWN, struct, ...(kind === 'none' ? kpageOf(row) : {}) };
  const { head, order, isTail, mapping, sharers, swap } = facts;
  return {
    ...base,
    struct,
    ...kpageOf(row),
    flags: word(facts.flagsHigh, facts.flagsLow),
    flagNames: facts.flagNames,
    refcount: facts.refcount,
    mapcount: facts.mapcount,
    pinned: facts.pins,
    compound: head === null ? null : { head, order, tail: isTail },
    huge: facts.huge,
    node: facts.node,
    zone: facts.zone,
    memcg: facts.memcg,
    mapping: mapping === null ? null : { ...mapping },
    ksm: sharers === null ? null : { sharers },
    swap,
    gpaHpaFlags: row.gpaHpaFlags,
    kpagecount: kpage.count,
  };
}

const kpageOf = ({ facts: { kpage, kpageNames } }: PageRow) => ({
  kpageflags: word(kpage.high, kpage.low),
  kpageflagNames: kpageNames,
  kpagecount: kpage.count,
});

const word = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);

const UNKNOWN = {
  flags: null,
  flagNames: null,
  kpageflags: null,
  kpageflagNames: null,
  kpagecount: null,
  refcount: null,
  mapcount: null,
  pinned: null,
  compound: null,
  huge: null,
  node: null,
  zone: null,
  memcg: null,
  mapping: null,
  ksm: null,
  swap: null,
  gpaHpaFlags: null,
} as const;
