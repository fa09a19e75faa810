// SPDX-License-Identifier: Apache-2.0
// The kind of memory that backs a memslot: anonymous memory, a memfd, huge pages of hugetlbfs, a file, a device.
import { PAGE_SIZE } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { decoded } from '../core/text.js';
import { Files } from '../kernel/files.js';
import type { Host } from '../kernel/host.js';
import { hugePageOrder } from '../kernel/hugetlb.js';
import type { Mm } from '../kernel/mm.js';
import { type Vma, vmas } from '../kernel/vma.js';
import { orProblem } from './about.js';
import type { Memslot } from './memslots/slot.js';

/** Kinds of mappings. */
export const BACKINGS = [
  'anonymous',
  'shmem',
  'memfd',
  'hugetlb',
  'file',
  'device',
  'guest-memfd',
  'mixed',
  'none',
] as const;

/** What the mappings (VMAs) at the addresses of a slot have in common. */
export interface Backing {
  /** `mixed`: several kinds; `none`: no mapping; null: not known. */
  readonly kind: (typeof BACKINGS)[number] | null;
  /** Path of the file as in /proc/PID/maps, without ` (deleted)`: `/memfd:NAME` for a memfd; null for anonymous memory. */
  readonly path: string | null;
  /** Page size in bytes: 4096, or that of the hugetlbfs. */
  readonly pageSize: number | null;
  /** Whether it is a shared mapping; null if it can't be found out, and for mappings that differ. */
  readonly shared: boolean | null;
}

/** VM_* bits (include/linux/mm.h). VM_MAYSHARE is set by MAP_SHARED of mmap(2); /proc/PID/maps shows it as `s`. */
const VM_PFNMAP = 0x400n;
const VM_IO = 0x4000n;
const VM_HUGETLB = 0x400000n;
const VM_MAYSHARE = 0x80n;
/** Name of a guest_memfd's dentry (virt/kvm/guest_memfd.c). */
const GUEST_MEMFD = '[kvm-gmem]';
const MEMFD = 'memfd:';

const UNKNOWN: Backing = { kind: null, path: null, pageSize: null, shared: null };
const NONE: Backing = { kind: 'none', path: null, pageSize: null, shared: null };

/** The memory that backs a slot; `problems` says what could not be read, and why. */
export function backingOf(host: Host, mm: Mm, slot: Memslot): { backing: Backing; problems: readonly string[] } {
  const problems: string[] = [];
  const end = slot.hva + BigInt(slot.pages) * BigInt(PAGE_SIZE);
  const below: Vma[] = [];
  try {
    if (end > userEnd(host))
      throw new DumpError(`0x${slot.hva.toString(16)} to 0x${(end - 1n).toString(16)} are not user-space addresses`);
    for (const vma of vmas(host, mm, slot.hva, end)) below.push(vma);
    const found = below.map((vma) => ofMapping(host, vma, problems));
    const [first] = found;
    if (first === undefined) return { backing: NONE, problems };
    if (covered(below, slot.hva, end) < end - slot.hva) problems.push('backing: part of the slot is not mapped');
    return { backing: joined(found as [Backing, ...Backing[]], problems), problems };
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return { backing: UNKNOWN, problems: [...problems, `backing: ${error.message}`] };
  }
}

/** The first address that is not a user-space address. */
const userEnd = ({ memory }: Host): bigint => 1n << BigInt(memory.form.levels * 9 + 11);

/** Number of bytes of a range that mappings cover. */
const covered = (all: readonly Vma[], from: bigint, to: bigint): bigint =>
  all.reduce((sum, { start, end }) => sum + (end < to ? end : to) - (start > from ? start : from), 0n);

/** One description for all mappings, of the members in which they agree. */
function joined(all: readonly [Backing, ...Backing[]], problems: string[]): Backing {
  const [first] = all;
  const same = (member: keyof Backing): boolean => all.every((each) => each[member] === first[member]);
  if (!same('kind'))
    return { kind: 'mixed', path: null, pageSize: same('pageSize') ? first.pageSize : null, shared: null };
  if (!same('path')) problems.push('backing: the slot maps several files');
  return {
    kind: first.kind,
    path: same('path') ? first.path : null,
    pageSize: same('pageSize') ? first.pageSize : null,
    shared: same('shared') ? first.shared : null,
  };
}

function ofMapping(host: Host, { flags, file }: Vma, problems: string[]): Backing {
  const shared = (flags & VM_MAYSHARE) !== 0n;
  if (file === 0n) {
    const kind = (flags & (VM_PFNMAP | VM_IO)) === 0n ? 'anonymous' : 'device';
    return { kind, path: null, pageSize: PAGE_SIZE, shared };
  }
  const files = new Files(host);
  const full = orProblem(problems, 'backing: the path of its file', () => files.pathOf(file));
  const path = full === null ? null : decoded(files.shownPath(file, full));
  if ((flags & VM_HUGETLB) !== 0n)
    return {
      kind: 'hugetlb',
      path,
      pageSize: orProblem(problems, 'backing: its page size', () => {
        return PAGE_SIZE * 2 ** hugePageOrder(host, files.fileSystemOf(file).info);
      }),
      shared,
    };
  return { kind: kindOf(flags, files, file, full, problems), path, pageSize: PAGE_SIZE, shared };
}

function kindOf(flags: bigint, files: Files, file: bigint, path: string | null, problems: string[]): Backing['kind'] {
  if ((flags & (VM_PFNMAP | VM_IO)) !== 0n) return 'device';
  if (path === GUEST_MEMFD) return 'guest-memfd';
  if (path?.startsWith(MEMFD) === true) return 'memfd';
  const system = orProblem(problems, 'backing: the file system of its file', () => files.fileSystemOf(file).name);
  if (system === null) return null;
  return system === 'tmpfs' || system === 'ramfs' ? 'shmem' : 'file';
}
