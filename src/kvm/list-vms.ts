// SPDX-License-Identifier: Apache-2.0
// The VMs of vm_list, and what struct kvm says of their creators.
import { DumpError, orLost, orNull } from '../core/errors.js';
import { isUnreadable } from '../core/memory.js';
import { PID_LIMIT } from '../kernel/tasks.js';
import { type Kvm, readKvm } from './kvm.js';

/** The lowest address of the kernel, with five levels of page tables (Documentation/arch/x86/x86_64/mm.rst). */
const KERNEL_START = 0xff00000000000000n;
/** Structures are aligned to pointers. */
const POINTER = 8n;

/** A VM, its memory and its creator, as struct kvm has them. */
export interface ListedVm {
  readonly address: bigint;
  /** Address of the mm_struct of its creator; null if it is not known. */
  readonly mm: bigint | null;
  /** Why `mm` is null. */
  readonly noMm: string | null;
  /** Pid of the thread that created it; null if it is not known, or if the kernel does not record it. */
  readonly pid: number | null;
  /** Why `pid` is null; null if the kernel does not record it. */
  readonly noPid: string | null;
}

/**
 * The VMs of vm_list, the newest first, and whether all links of the list can be read. Throws `DumpError` if no link can
 * be read.
 */
export function listedVms(kvm: Kvm): { vms: readonly ListedVm[]; complete: boolean } {
  const vms: ListedVm[] = [];
  try {
    for (const address of kvm.all()) vms.push(readListed(kvm, address));
  } catch (error) {
    if (!(error instanceof DumpError) || vms.length === 0) throw error;
    kvm.warn(`not all VMs of the host can be listed: ${error.message}`, error);
    return { vms, complete: false };
  }
  return { vms, complete: true };
}

/** Reads what struct kvm says of the memory and the creator of a VM. */
export function readListed(kvm: Kvm, address: bigint): ListedVm {
  const { mm: mmAt, userspacePid: pidAt } = kvm.at;
  const bytes = readKvm(kvm, address);
  const mm = orWhy(() => {
    const value = bytes.u64(mmAt.offset);
    if (value < KERNEL_START || value % POINTER !== 0n)
      throw bytes.error(mmAt.offset, `mm of a VM can't be 0x${value.toString(16)}`);
    return value;
  });
  const pid = orWhy(() => {
    if (pidAt === null) return null;
    const value = bytes.u32(pidAt.offset);
    // 0 until the VM has been announced (kvm_uevent_notify_change).
    if (value < 1 || value >= PID_LIMIT) throw bytes.error(pidAt.offset, `userspace_pid is ${value}`);
    return value;
  });
  return { address, mm: mm.value, noMm: mm.why, pid: pid.value, noPid: pid.why };
}

/** What `work` returns, or the message of the `DumpError` that it throws. */
function orWhy<T>(work: () => T): { readonly value: T | null; readonly why: string | null } {
  let why: string | null = null;
  const value = orLost((error) => {
    why = error.message;
  }, work);
  return { value, why };
}

/**
 * Whether the struct kvm at an address is in vm_list: one of its neighbours points back at it, or the whole list has it.
 * Null if the dump lacks it, its neighbours, and parts of the list, or has zeros in their place.
 */
export function isListed(kvm: Kvm, address: bigint): boolean | null {
  const { memory } = kvm.host;
  const link = address + BigInt(kvm.at.vmList.offset);
  /** The pointer at an address: null if the dump lacks it, 1 if nothing is mapped there. */
  const pointer = (at: bigint): bigint | null => {
    const bytes = memory.read(at, 8);
    if (isUnreadable(bytes)) return bytes.reason === 'unmapped' ? 1n : null;
    const value = bytes.u64(0);
    return value === 0n ? null : value;
  };
  const [next, prev] = [pointer(link), pointer(link + 8n)];
  const back = [next === null ? null : pointer(next + 8n), prev === null ? null : pointer(prev)];
  if (back.includes(link)) return true;
  return back.every((each) => each === null) ? orNull(() => [...kvm.all()].includes(address)) : false;
}
