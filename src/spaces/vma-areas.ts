// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import { vmas } from '../kernel/vma.js';
import type { VmaPart } from './vma-runs.js';

const PAGE = BigInt(PAGE_SIZE);

/** The parts of a range of a process's memory that are in mappings, and the gaps between them, in pages. */
export class VmaAreas {
  /** Ascending. If mappings may be missing, the gaps are parts as well: the page tables may map pages there. */
  readonly parts: readonly VmaPart[];
  /** Why mappings may be missing; null if none is. */
  readonly missing: string | null;
  /** Pages in no mapping. */
  readonly gaps: number;
  /** Those of them that are between two mappings. */
  readonly between: number;

  /** The pages `first` to `end` - 1. */
  constructor(host: Host, mm: Mm, first: bigint, end: bigint) {
    const mapped: VmaPart[] = [];
    this.missing = collect(host, mm, Number(first), Number(end), mapped);
    const pages = mapped.reduce((sum, part) => sum + part.end - part.first, 0);
    this.gaps = Math.max(Number(end - first) - pages, 0);
    this.between = mapped.length === 0 ? 0 : (mapped.at(-1) as VmaPart).end - (mapped[0] as VmaPart).first - pages;
    this.parts = this.missing === null ? mapped : withGaps(mapped, Number(first), Number(end));
  }
}

/** Appends the mappings to `parts`. Returns why some may be missing; null if none is. */
function collect(host: Host, mm: Mm, first: number, end: number, parts: VmaPart[]): string | null {
  try {
    for (const vma of vmas(host, mm, BigInt(first) * PAGE, BigInt(end) * PAGE)) {
      const part = {
        first: Math.max(Number(vma.start / PAGE), first),
        end: Math.min(Number(vma.end / PAGE), end),
        vma,
      };
      if (part.first < part.end) parts.push(part);
    }
    return null;
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return error.message;
  }
}

function withGaps(mapped: readonly VmaPart[], first: number, end: number): VmaPart[] {
  const parts: VmaPart[] = [];
  let at = first;
  for (const part of mapped) {
    if (part.first > at) parts.push({ first: at, end: part.first, vma: null });
    parts.push(part);
    at = part.end;
  }
  if (at < end) parts.push({ first: at, end, vma: null });
  return parts;
}
