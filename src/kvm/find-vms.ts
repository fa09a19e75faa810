// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { Files, type OpenFile } from '../kernel/files.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { describes } from '../types/source.js';
import { type Kvm, readKvm } from './kvm.js';

/** Name of a VM file's dentry (virt/kvm/kvm_main.c, kvm_dev_ioctl_create_vm). */
const VM_FILE_NAME = 'kvm-vm';

/** A VM that a process holds: its file descriptor, and the address of its struct kvm. */
export interface HeldVm {
  /** Null if descriptors can't be read. */
  readonly fd: number | null;
  readonly address: bigint;
  /** The process may hold other VMs that can't be read. */
  readonly incomplete?: boolean;
}

/** Hosts for which the warning that descriptors can't be read has been logged. */
const warned = new WeakSet<Kvm>();

/** The VMs whose files a process has open. If descriptors can't be read: the VMs whose memory is that of the process. */
export function vmsOf(kvm: Kvm, task: Task): HeldVm[] {
  const missing = ['files_struct', 'fdtable'].filter((name) => !describes(kvm.host.types, name));
  if (missing.length === 0) return task.files === 0n ? [] : byFiles(kvm, task);
  if (!warned.has(kvm))
    kvm.host.log.warn(
      `file descriptors can't be read, because no source of types describes struct ${missing.join(' and ')}; VMs are found by the memory of the process that created them`,
    );
  warned.add(kvm);
  return vmsIn(kvm, task.mm);
}

/** The VMs found by descriptors. If the dump lacks these, the VMs found by memory; throws `DumpError` if there are none. */
function byFiles(kvm: Kvm, task: Task): HeldVm[] {
  try {
    return heldVms(kvm, task.files);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    const found = knownIn(kvm, task.mm);
    if (found.length === 0) throw error;
    kvm.host.log.warn(
      `pid ${task.tgid}: ${error.message}; its VM is found by the memory of the process that created it`,
      error,
    );
    return found;
  }
}

/** The VMs of vm_list with this mm_struct. Throws `DumpError` if none is found and not all VMs can be read. */
function vmsIn(kvm: Kvm, mm: bigint): HeldVm[] {
  if (mm === 0n) return [];
  const { vms, complete } = listedVms(kvm);
  const found = vms.filter(({ mm: own }) => own === mm);
  if (found.length === 0 && !complete)
    throw new DumpError('it is not known whether the process created a VM: not all VMs of the host can be listed', {
      code: 'not-in-dump',
    });
  return found.map(({ address }) => ({ fd: null, address, incomplete: !complete }));
}

/** The VMs of vm_list with this mm_struct; none if that is not known. */
const knownIn = (kvm: Kvm, mm: bigint): HeldVm[] => orNull(() => vmsIn(kvm, mm)) ?? [];

/** A VM of vm_list, with the process that created it and its memory. */
export interface ListedVm {
  readonly address: bigint;
  readonly mm: bigint;
  /** Pid of the creator; null if the kernel does not record it. */
  readonly pid: number | null;
}

/** The VMs of vm_list that can be read, and whether the list is complete. Throws `DumpError` if none can be read. */
export function listedVms(kvm: Kvm): { vms: readonly ListedVm[]; complete: boolean } {
  const { mm, userspacePid } = kvm.at;
  const found: ListedVm[] = [];
  try {
    for (const address of kvm.all()) {
      const bytes = readKvm(kvm, address);
      const pid = userspacePid === null ? null : bytes.u32(userspacePid.offset);
      found.push({ address, mm: bytes.u64(mm.offset), pid });
    }
  } catch (error) {
    if (!(error instanceof DumpError) || found.length === 0) throw error;
    kvm.host.log.warn(`not all VMs of the host can be listed: ${error.message}`, error);
    return { vms: found, complete: false };
  }
  return { vms: found, complete: true };
}

/**
 * The VMs whose files a process has open. A file is that of a VM if its f_op is kvm_vm_fops. The name of the dentry is
 * checked, too, once for each f_op; if it disagrees, a warning is logged.
 */
function heldVms(kvm: Kvm, files: bigint): HeldVm[] {
  const reader = new Files(kvm.host);
  const named = new Map<bigint, boolean>();
  const held: HeldVm[] = [];
  let unknown: number | null = null;
  for (const file of reader.open(files)) {
    // Without the symbol only the name identifies a VM, so the name of each file is read.
    const name = kvm.vmFops === null || !named.has(file.op) ? nameOf(reader, file) : undefined;
    if (name !== undefined) named.set(file.op, isNamedVm(kvm, name, file));
    if (kvm.vmFops === null && name === null) unknown ??= file.fd;
    if (isVm(kvm, file, named.get(file.op) === true)) held.push({ fd: file.fd, address: file.privateData });
  }
  if (unknown === null) return held;
  if (held.length === 0)
    throw new DumpError(`it is not known whether descriptor ${unknown} is a VM: its name can't be read`, {
      code: 'not-in-dump',
    });
  return held.map((vm) => ({ ...vm, incomplete: true }));
}

function isVm(kvm: Kvm, file: OpenFile, named: boolean): boolean {
  if (kvm.vmFops === null) return named && file.privateData !== 0n;
  return file.op === kvm.vmFops;
}

function isNamedVm(kvm: Kvm, name: string | null, file: OpenFile): boolean {
  const { vmFops } = kvm;
  const { log } = kvm.host;
  const named = name === VM_FILE_NAME;
  if (vmFops === null) {
    if (named)
      log.warn(`descriptor ${file.fd} is taken for a VM only because of its name: the symbol kvm_vm_fops is missing`);
  } else if (file.op === vmFops && !named) {
    log.warn(
      `descriptor ${file.fd} is taken for a VM: its f_op is kvm_vm_fops, although its name ${name === null ? "can't be read" : `is not ${VM_FILE_NAME}`}`,
    );
  } else if (file.op !== vmFops && named) {
    log.warn(
      `descriptor ${file.fd} is not taken for a VM: its f_op is not kvm_vm_fops, although its name is ${VM_FILE_NAME}`,
    );
  }
  return named;
}

const nameOf = (reader: Files, file: OpenFile): string | null => orNull(() => reader.nameOf(file.address));

/** A process that holds VMs. */
export interface Holder {
  readonly task: Task;
  readonly vms: readonly HeldVm[];
}

/**
 * Every process that has the file of a VM open. Processes whose descriptors can't be read are omitted, with a warning and a
 * call of `omitted`.
 */
export function* holders(kvm: Kvm, tasks: Tasks, omitted?: (task: Task, why: DumpError) => void): Generator<Holder> {
  for (const task of tasks.leaders()) {
    try {
      const vms = vmsOf(kvm, tasks.alive(task));
      if (vms.length > 0) yield { task, vms };
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      kvm.host.log.warn(`pid ${task.tgid}: ${error.message}`, error);
      omitted?.(task, error);
    }
  }
}
