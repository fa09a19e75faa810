// SPDX-License-Identifier: Apache-2.0
// The roots of the page tables that translate a guest's physical addresses for its processors.
import { PAGE_SIZE, type Pfn, pfn } from '../../core/address.js';
import { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { readOf } from '../../core/memory.js';
import { listLinks } from '../../kernel/containers/list.js';
import { resolve, resolveIfPresent } from '../../types/fields.js';
import { ifAnswered } from '../../types/source.js';
import type { Kvm } from '../kvm.js';
import { listVcpus } from '../vcpus/list.js';
import { vcpuFields } from '../vcpus/structs.js';
import { mmuFields, mmuPageFields, tdpRootsFields, vcpuMmuFields } from './structs.js';

/** A root, and the guest's address space that it translates. */
export interface MmuRoot {
  readonly frame: Pfn;
  /** Number of levels of tables. */
  readonly levels: number;
  /** KVM's address space: 0, or 1 for SMM. */
  readonly addressSpace: number;
}

export interface MmuRoots {
  readonly roots: readonly MmuRoot[];
  /** Why others may be missing. */
  readonly problems: readonly string[];
}

/** INVALID_PAGE: the vCPU has no tables now. */
const NO_ROOT = 2n ** 64n - 1n;
const MOST_LEVELS = 5;
const MOST_ROOTS = 0x10000;

/** A word of union kvm_mmu_page_role. */
interface Role {
  readonly levels: number;
  readonly isDirect: boolean;
  readonly isNested: boolean;
  /** KVM no longer uses the tables, and empties them. */
  readonly isInvalid: boolean;
  readonly addressSpace: number;
}

/** The bits have been there since Linux commit 699023e23965 ("KVM: x86: add SMM to the MMU role, support SMRAM address space") (in v4.2). */
const roleOf = (word: number): Role => ({
  levels: word & 0xf,
  isDirect: (word & 0x80) !== 0,
  isNested: (word & 0x20000) !== 0,
  isInvalid: (word & 0x800) !== 0,
  addressSpace: word >>> 24,
});

/** The roots of the VM whose struct kvm is at an address, each once. */
export function mmuRoots(kvm: Kvm, address: bigint): MmuRoots {
  const problems: string[] = [];
  const roots = new Map<number, MmuRoot>();
  const add = (root: MmuRoot | null): void => {
    if (root !== null) roots.set(root.frame, root);
  };
  const { vcpus, problems: lost } = listVcpus(kvm, address);
  for (const vcpu of vcpus)
    collect(problems, `vCPU with index ${vcpu.index}`, () => {
      add(rootOfVcpu(kvm, vcpu.address, problems));
    });
  collect(problems, 'tdp_mmu_roots', () => {
    for (const root of listedRoots(kvm, address)) add(root);
  });
  return { roots: [...roots.values()], problems: [...new Set([...lost, ...problems])] };
}

function collect(problems: string[], what: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    problems.push(`${what}: ${error.message}`);
  }
}

/** The root of a vCPU; null if it has none. */
function rootOfVcpu({ host }: Kvm, address: bigint, problems: string[]): MmuRoot | null {
  const at = resolve(host.types, { vcpu: vcpuFields, own: vcpuMmuFields, mmu: mmuFields });
  const bytes = LazyBytes.of(host.memory, address, at.vcpu.bytes, 'struct kvm_vcpu');
  const isPointer = at.own.root.kind === 'pointer';
  const mmu = isPointer
    ? readOf(host.memory, bytes.u64(at.own.root.offset), at.mmu.bytes, 'struct kvm_mmu')
    : bytes.slice(at.own.root.offset, at.mmu.bytes);
  const root = mmu.u64(at.mmu.root.offset);
  if (root === NO_ROOT || root === 0n) return null;
  const { levels, ...role } = roleOf(mmu.u32(at.mmu.role.offset));
  if (!role.isDirect) {
    problems.push('the guest is translated by shadow page tables, which do not have guest physical addresses');
    return null;
  }
  return rootAt(root, at.mmu.level === null ? levels : mmu.u8(at.mmu.level.offset), role.addressSpace);
}

/** The roots of the TDP MMU that translate the guest's own physical addresses. */
function* listedRoots({ host }: Kvm, address: bigint): Generator<MmuRoot> {
  const { roots } = resolve(host.types, { kvm: tdpRootsFields }).kvm;
  const at = ifAnswered(() => resolveIfPresent(host.types, mmuPageFields));
  if (roots === null || at === null) return;
  for (const link of listLinks(host.memory, address + BigInt(roots.offset), MOST_ROOTS, 'tdp_mmu_roots')) {
    const page = readOf(host.memory, link - BigInt(at.link.offset), at.bytes, 'struct kvm_mmu_page');
    const { levels, isDirect, isNested, isInvalid, addressSpace } = roleOf(page.u32(at.role.offset));
    if (!isDirect || isNested || isInvalid) continue;
    const table = page.u64(at.table.offset);
    const frame = host.memory.frameOf(table);
    if (typeof frame !== 'number') throw new DumpError(`table at 0x${table.toString(16)}: ${frame.message}`);
    yield rootAt(BigInt(frame) * BigInt(PAGE_SIZE), levels, addressSpace);
  }
}

/** A root that can be right. Throws `DumpError` if it can't. */
function rootAt(address: bigint, levels: number, addressSpace: number): MmuRoot {
  if (
    address % BigInt(PAGE_SIZE) !== 0n ||
    address >= 2n ** 52n ||
    levels < 1 ||
    levels > MOST_LEVELS ||
    addressSpace > 1
  )
    throw new DumpError(
      `a root at 0x${address.toString(16)} with ${levels} levels for address space ${addressSpace} can't be right`,
      { hint: 'the dump is damaged there' },
    );
  return { frame: pfn(Number(address / BigInt(PAGE_SIZE))), levels, addressSpace };
}
