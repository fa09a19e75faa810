// SPDX-License-Identifier: Apache-2.0
import { Pieces } from '../commands/owner-pieces.js';
import type { OwnerRow, Owning } from '../commands/owner-rows.js';
import type { OwnerSearch } from '../commands/owner-search.js';
import type { OwnerState } from '../owners/owner.js';
import type { PageKind } from '../pages/kinds.js';
import { addressOf, byteOf, pageOf } from './addresses.js';
import { framesOf, type HostPage, hostPage } from './page.js';

/** A VM that has a page as guest memory. Names are not escaped: escape them before they are shown on a terminal. */
export interface VmOwner {
  /** Tells VMs from processes. */
  readonly kind: 'vm';
  /** Address of struct kvm. */
  readonly kvm: bigint;
  /** The pid that selects it; null if it is not known. */
  readonly pid: number | null;
  /** The guest's name; null if it has none, or it is not in the dump. */
  readonly name: string | null;
  /** KVM's address space: 0, or 1 for SMM. */
  readonly addressSpace: number;
  /** KVM's number of the slot. */
  readonly slot: number;
  /** Guest physical address (GPA) of the byte. */
  readonly gpa: bigint;
  /** Host virtual address (HVA) of the byte. */
  readonly hva: bigint;
  /** What the page-table entry does with the page. */
  readonly state: OwnerState;
}

/** A process that has a page in its memory, outside of the memory of VMs. */
export interface ProcessOwner {
  /** Tells processes from VMs. */
  readonly kind: 'process';
  /** Its pid; null if no process is known to have the memory. */
  readonly pid: number | null;
  /** Its name; null if no process is known to have the memory. */
  readonly comm: string | null;
  /** Virtual address of the byte. */
  readonly hva: bigint;
  /** Path of the file, `[heap]`, `[stack]` or `[vdso]`; null for other memory, and if it is not known. */
  readonly file: string | null;
  /** What the page-table entry does with the page. */
  readonly state: OwnerState;
  /** Pids of further processes that share the memory. */
  readonly sharedWith: readonly number[];
}

/** A page of the host, and who has it. */
export interface OwnedPage {
  /** Host physical address (HPA) of the byte that was asked for; of the first byte for pages after the first one. */
  readonly hpa: bigint;
  /** The address divided by 4096. */
  readonly frame: number;
  /** What the page is. */
  readonly kind: PageKind;
  /** VMs first, then processes. */
  readonly owners: readonly (VmOwner | ProcessOwner)[];
  /** Whether no other owner can be hidden by what the dump lacks (docs/owner.md). */
  readonly complete: boolean;
  /** What the page is, in detail. */
  readonly page: HostPage;
  /** What could not be read, and why. */
  readonly problems: readonly string[];
}

export type { OwnerState };

/** One address, or several. */
export type Addresses = bigint | number | readonly (bigint | number)[];

/** The pieces of `length` bytes from each address on. Throws `UsageError` for what is not an address, or what no machine has. */
export function checkedPieces(
  addresses: Addresses,
  length: number,
): readonly { first: number; end: number; offset: number }[] {
  const all = typeof addresses === 'object' ? addresses : [addresses];
  return all.map((address) => ({
    ...framesOf(address, length),
    offset: pageOf(addressOf(address, 'physical address')).offset,
  }));
}

/** The owners of these pages, up to the end of the machine's memory. */
export function* ownersOf(
  search: OwnerSearch,
  pieces: ReturnType<typeof checkedPieces>,
): Generator<OwnedPage, boolean> {
  let isWhole = true;
  const asked = new Pieces(search.end);
  for (const piece of pieces) asked.addFrames(piece);
  for (const portion of asked.take())
    for (const row of search.rows(portion)) {
      isWhole &&= row.isWhole;
      yield ownedPage(row);
    }
  return isWhole;
}

function ownedPage({ page, owners, complete, problems }: OwnerRow): OwnedPage {
  const { frame, kind } = page.facts;
  return {
    hpa: byteOf(frame, page.offset),
    frame,
    kind,
    owners: owners.map(ownerOf),
    complete,
    page: hostPage(page),
    problems,
  };
}

function ownerOf({ offset, ...owner }: Owning): VmOwner | ProcessOwner {
  const hva = byteOf(owner.hva, offset);
  if (owner.kind === 'process') return { ...owner, hva };
  return { ...owner, gpa: byteOf(owner.gpa, offset), hva };
}
