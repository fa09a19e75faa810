// SPDX-License-Identifier: Apache-2.0
import { type Gfn, gfn, type Vpn, vpnOf } from '../../core/address.js';
import type { Bytes } from '../../core/bytes.js';
import type { Resolved } from '../../types/fields.js';
import type { slotFields } from '../structs.js';

export type SlotFields = Resolved<typeof slotFields>;

/** KVM_MEM_MAX_NR_PAGES, the maximum size of a slot (include/linux/kvm_host.h). */
export const MOST_PAGES = 2 ** 31 - 1;
/** Ids of slots: all are below `all`, and those from `user` on are KVM's own. */
export interface SlotIds {
  readonly user: number;
  readonly all: number;
}

/** KVM_MEM_SLOTS_NUM is SHRT_MAX since slots are in trees; the last three are KVM's own. */
export const TREE_IDS: SlotIds = { user: 32764, all: 32767 };
/** Number of guest frames: guest physical addresses are below 2^52. */
const FRAMES = 2n ** 40n;

/**
 * Flags (include/uapi/linux/kvm.h, include/linux/kvm_host.h). KVM refuses others (virt/kvm/kvm_main.c,
 * check_memory_region_flags). Bits 0 and 1 are LOG_DIRTY_PAGES and READONLY (2.6.32: INVALID), bit 16 is INVALID.
 */
const COMMON_FLAGS = 0x10003n;
export const KVM_MEM_GUEST_MEMFD = 1 << 2;
/** Since 6.18, in slots of a guest_memfd: all pages are in the guest_memfd, none at the HVA. */
export const KVM_MEMSLOT_GMEM_ONLY = 1 << 17;

/** Maps guest frames `first` to `first + pages - 1` to the pages of the process's memory that begin at `hva`. */
export interface Memslot {
  readonly address: bigint;
  readonly id: number;
  readonly first: Gfn;
  readonly pages: number;
  /** Virtual page number of `hva`, which is page-aligned. */
  readonly page: Vpn;
  readonly hva: bigint;
  readonly flags: number;
  /** Whether KVM made the slot for itself: TSS, identity map, APIC access page. */
  readonly internal: boolean;
  /** Which pages are in a guest_memfd; the others are at the HVA. */
  readonly memfd: 'none' | 'some' | 'all';
}

/** Reads a slot. `place`: its id if the kernel does not record it. Throws `DumpError` for impossible values. */
export function readSlot(bytes: Bytes, at: SlotFields, address: bigint, ids: SlotIds, place: number): Memslot {
  const first = bytes.u64(at.baseGfn.offset);
  const pages = bytes.u64(at.pages.offset);
  const hva = bytes.u64(at.hva.offset);
  const id = at.id === null ? place : Number(BigInt.asIntN(at.id.size * 8, bytes.unsigned(at.id.offset, at.id.size)));
  if (first + pages > FRAMES || pages > MOST_PAGES)
    throw bytes.error(0, `a memslot can't have 0x${pages.toString(16)} pages from frame 0x${first.toString(16)}`);
  if ((hva & 0xfffn) !== 0n)
    throw bytes.error(at.hva.offset, `userspace_addr of a memslot can't be 0x${hva.toString(16)}`);
  if (hva + pages * 4096n > 1n << 64n)
    throw bytes.error(at.hva.offset, `a memslot can't have 0x${pages.toString(16)} pages at 0x${hva.toString(16)}`);
  if (id < 0 || id >= ids.all) throw bytes.error(at.id?.offset ?? 0, `the id of a memslot can't be ${id}`);
  const flags = bytes.unsigned(at.flags.offset, at.flags.size);
  if ((flags & ~knownFlags(at)) !== 0n)
    throw bytes.error(at.flags.offset, `flags of a memslot can't be 0x${flags.toString(16)}`);
  return {
    address,
    id,
    first: gfn(Number(first)),
    pages: Number(pages),
    page: vpnOf(hva),
    hva,
    flags: Number(flags),
    internal: id >= ids.user,
    memfd: memfdOf(Number(flags)),
  };
}

/** Those of guest_memfd exist only in kernels whose slots have the member gmem. */
const knownFlags = ({ gmem }: SlotFields): bigint =>
  gmem === null ? COMMON_FLAGS : COMMON_FLAGS | BigInt(KVM_MEM_GUEST_MEMFD | KVM_MEMSLOT_GMEM_ONLY);

function memfdOf(flags: number): Memslot['memfd'] {
  if ((flags & KVM_MEMSLOT_GMEM_ONLY) !== 0) return 'all';
  return (flags & KVM_MEM_GUEST_MEMFD) !== 0 ? 'some' : 'none';
}

/** Names of the KVM_MEM_ and KVM_MEMSLOT_ bits. */
const FLAG_NAMES: Readonly<Record<number, string>> = {
  0: 'LOG_DIRTY_PAGES',
  1: 'READONLY',
  2: 'GUEST_MEMFD',
  16: 'INVALID',
  17: 'GMEM_ONLY',
};

/** Names of the flags of a slot. */
export const flagNames = ({ flags }: Memslot): readonly string[] =>
  Object.entries(FLAG_NAMES).flatMap(([bit, name]) => (Math.floor(flags / 2 ** Number(bit)) % 2 === 1 ? [name] : []));
