// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { Files, type OpenFile } from '../kernel/files.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { describes } from '../types/source.js';
import { type Kvm, readKvm } from './kvm.js';

/** Name of a VM file's dentry (virt/kvm/kvm_main.c, kvm_dev_ioctl_create_vm). */
const VM_FILE_NAME = 'kvm-vm';

/** A VM that a process holds: by which descriptor, and where its struct kvm is. */
export interface HeldVm {
  /** Null where descriptors can't be read. */
  readonly fd: number | null;
  readonly address: bigint;
  /** The process may hold others that can't be read. */
  readonly incomplete?: boolean;
}

/** Hosts whose users have been told that descriptors can't be read. */
const told = new WeakSet<Kvm>();

/** The VMs of a process: those whose files it holds; where descriptors can't be read, those that live in its memory. */
export function vmsOf(kvm: Kvm, task: Task): HeldVm[] {
  const missing = ['files_struct', 'fdtable'].filter((name) => !describes(kvm.host.types, name));
  if (missing.length === 0) return task.files === 0n ? [] : byFiles(kvm, task);
  if (!told.has(kvm))
    kvm.host.log.warn(
      `descriptors can't be read, no source of types has struct ${missing.join(' and ')}: VMs are found by the memory of the process that made them`,
    );
  told.add(kvm);
  return vmsIn(kvm, task.mm);
}

/** By descriptors; where the dump lacks them, by memory, if that leads to a VM. */
function byFiles(kvm: Kvm, task: Task): HeldVm[] {
  try {
    return heldVms(kvm, task.files);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    const found = knownIn(kvm, task.mm);
    if (found.length === 0) throw error;
    kvm.host.log.warn(
      `pid ${task.tgid}: ${error.message}: its VM is found by the memory of the process that made it`,
      error,
    );
    return found;
  }
}

/** The VMs of vm_list whose memory this is. Throws `DumpError` when there is none among those that can be read alone. */
function vmsIn(kvm: Kvm, mm: bigint): HeldVm[] {
  if (mm === 0n) return [];
  const { vms, complete } = listedVms(kvm);
  const found = vms.filter(({ mm: own }) => own === mm);
  if (found.length === 0 && !complete)
    throw new DumpError('whether it made a VM is not known: not all can be listed', { code: 'not-in-dump' });
  return found.map(({ address }) => ({ fd: null, address, incomplete: !complete }));
}

/** The same, as far as it can be told. */
const knownIn = (kvm: Kvm, mm: bigint): HeldVm[] => orNull(() => vmsIn(kvm, mm)) ?? [];

/** A VM of vm_list, the process that made it and its memory. */
export interface ListedVm {
  readonly address: bigint;
  readonly mm: bigint;
  /** Null where the kernel does not keep it. */
  readonly pid: number | null;
}

/** The VMs of the host that can be read, and whether these are all. */
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
 * The VMs whose files a process holds. A file is a VM's if its f_op is kvm_vm_fops; the name of its dentry is a
 * second witness, asked once for each kind of file, and a warning says so when the two disagree.
 */
function heldVms(kvm: Kvm, files: bigint): HeldVm[] {
  const reader = new Files(kvm.host);
  const named = new Map<bigint, boolean>();
  const held: HeldVm[] = [];
  let unknown: number | null = null;
  for (const file of reader.open(files)) {
    // Without the symbol the name is the only witness, so each file is asked for its own.
    const name = kvm.vmFops === null || !named.has(file.op) ? nameOf(reader, file) : undefined;
    if (name !== undefined) named.set(file.op, isNamedVm(kvm, name, file));
    if (kvm.vmFops === null && name === null) unknown ??= file.fd;
    if (isVm(kvm, file, named.get(file.op) === true)) held.push({ fd: file.fd, address: file.privateData });
  }
  if (unknown === null) return held;
  if (held.length === 0)
    throw new DumpError(`whether descriptor ${unknown} is a VM is not known: its name can't be read`, {
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
    if (named) log.warn(`descriptor ${file.fd} is taken for a VM by its name alone: the symbol kvm_vm_fops is missing`);
  } else if (file.op === vmFops && !named) {
    log.warn(
      `descriptor ${file.fd} has kvm_vm_fops, but its file is ${name === null ? 'not readable' : 'named otherwise'}: taken for a VM`,
    );
  } else if (file.op !== vmFops && named) {
    log.warn(`descriptor ${file.fd} is named ${VM_FILE_NAME}, but its f_op is not kvm_vm_fops: not taken for a VM`);
  }
  return named;
}

const nameOf = (reader: Files, file: OpenFile): string | null => orNull(() => reader.nameOf(file.address));

/** A process that holds VMs. */
export interface Holder {
  readonly task: Task;
  readonly vms: readonly HeldVm[];
}

/** Every process that holds a VM's file. Processes whose descriptors can't be read are left out, with a warning. */
export function* holders(kvm: Kvm, tasks: Tasks): Generator<Holder> {
  for (const task of tasks.leaders()) {
    try {
      const vms = vmsOf(kvm, tasks.alive(task));
      if (vms.length > 0) yield { task, vms };
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      kvm.host.log.warn(`pid ${task.tgid}: ${error.message}`, error);
    }
  }
}
