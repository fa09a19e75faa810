// SPDX-License-Identifier: Apache-2.0
// The VMs that a process holds: those whose files it has open, or those that are in its memory.
import { DumpError, orNull } from '../core/errors.js';
import { Files, type OpenFile } from '../kernel/files.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { describes } from '../types/source.js';
import type { Kvm } from './kvm.js';
import { isListed, listedVms } from './list-vms.js';

/** Name of a VM file's dentry (virt/kvm/kvm_main.c, kvm_dev_ioctl_create_vm). */
const VM_FILE_NAME = 'kvm-vm';

/** A VM that a process holds: its file descriptor, and the address of its struct kvm. */
export interface HeldVm {
  /** Null if descriptors can't be read. */
  readonly fd: number | null;
  readonly address: bigint;
}

/** The VMs that a process holds. */
export interface HeldVms {
  readonly vms: readonly HeldVm[];
  /** The reason why it may hold others; null if it does not. */
  readonly unknown: string | null;
}

/** The structures without which descriptors can't be read, and that no source of types describes. */
export const undescribed = ({ host }: Kvm): readonly string[] =>
  ['files_struct', 'fdtable'].filter((name) => !describes(host.types, name));

/**
 * The VMs whose files a process has open. Without the types for that: the VMs whose memory is that of the process. Throws
 * `DumpError` if none is found and it is not known whether there are any.
 */
export function vmsOf(kvm: Kvm, task: Task): HeldVms {
  const missing = undescribed(kvm);
  if (missing.length === 0) return task.files === 0n ? { vms: [], unknown: null } : byFiles(kvm, task);
  kvm.warn(
    `file descriptors can't be read, because no source of types describes struct ${missing.join(' and ')}; VMs are found by the memory of the process that created them`,
  );
  return vmsIn(kvm, task.mm);
}

/**
 * The VMs found by descriptors. If the dump lacks some of these, also the VMs found by memory. Then the process may hold
 * others, too, unless the host does not have any.
 */
function byFiles(kvm: Kvm, task: Task): HeldVms {
  const { vms, lost } = heldVms(kvm, task.files);
  if (lost === null) return { vms, unknown: null };
  const own = knownIn(kvm, task.mm).filter(({ address }) => vms.every((vm) => vm.address !== address));
  const all = [...vms, ...own];
  if (all.length === 0) throw lost;
  const instead = own.length === 0 ? '' : '; its VM is found by the memory of the process that created it';
  kvm.warn(`pid ${task.tgid}: ${lost.message}${instead}`, lost);
  return { vms: all, unknown: areAll(kvm, all) ? null : lost.message };
}

/** Whether these are all VMs of the host. */
function areAll(kvm: Kvm, vms: readonly HeldVm[]): boolean {
  const listed = orNull(() => listedVms(kvm));
  return listed?.complete === true && listed.vms.every(({ address }) => vms.some((vm) => vm.address === address));
}

/** The VMs of vm_list with this mm_struct. Throws `DumpError` if none is found and not all VMs can be read. */
function vmsIn(kvm: Kvm, mm: bigint): HeldVms {
  if (mm === 0n) return { vms: [], unknown: null };
  const { vms, complete } = listedVms(kvm);
  const found = vms.filter(({ mm: own }) => own === mm).map(({ address }) => ({ fd: null, address }));
  const isKnown = complete && vms.every(({ mm: own }) => own !== null);
  if (found.length === 0 && !isKnown)
    throw new DumpError('it is not known whether the process created a VM: not all VMs of the host can be listed', {
      code: 'not-in-dump',
    });
  return { vms: found, unknown: isKnown ? null : 'not all VMs of the host can be listed' };
}

/** The VMs of vm_list with this mm_struct; none if that is not known. */
const knownIn = (kvm: Kvm, mm: bigint): readonly HeldVm[] => orNull(() => vmsIn(kvm, mm))?.vms ?? [];

/** The VMs whose files are open. `lost`: why others may be, too; null if none is. */
function heldVms(kvm: Kvm, files: bigint): { vms: readonly HeldVm[]; lost: DumpError | null } {
  const isVm = new VmFiles(kvm);
  const vms: HeldVm[] = [];
  let first: DumpError | null = null;
  const lost = (why: DumpError): void => {
    first ??= why;
  };
  try {
    for (const file of isVm.reader.open(files, lost)) {
      const answer = isVm.of(file);
      if (answer instanceof DumpError) lost(answer);
      else if (answer) vms.push({ fd: file.fd, address: file.privateData });
    }
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    lost(error);
  }
  return { vms, lost: first };
}

/**
 * Tells files of VMs from others. A file is that of a VM if its f_op is kvm_vm_fops, or if its dentry has the name of such
 * files and that symbol is missing. If f_op and name disagree, or the file does not lead to a VM, it is not known.
 */
class VmFiles {
  readonly reader: Files;
  /** Whether the first file that was read of each f_op has the name of a VM's file. */
  readonly #named = new Map<bigint, boolean>();

  constructor(readonly kvm: Kvm) {
    this.reader = new Files(kvm.host);
  }

  /** Whether a file is that of a VM; an error if that is not known. */
  of(file: OpenFile): boolean | DumpError {
    const { vmFops } = this.kvm;
    const is = vmFops === null ? this.#byName(file) : this.#byOperations(file, vmFops);
    if (is !== true || isListed(this.kvm, file.privateData) !== false) return is;
    return new DumpError(`descriptor ${file.fd} is a VM, but 0x${file.privateData.toString(16)} is not a struct kvm`);
  }

  #byName({ fd, address }: OpenFile): boolean | DumpError {
    const name = orNull(() => this.reader.nameOf(address));
    if (name === null)
      return new DumpError(`it is not known whether descriptor ${fd} is a VM: its name can't be read`, {
        code: 'not-in-dump',
      });
    if (name !== VM_FILE_NAME) return false;
    this.kvm.warn(`descriptor ${fd} is taken for a VM only because of its name: the symbol kvm_vm_fops is missing`);
    return true;
  }

  #byOperations(file: OpenFile, vmFops: bigint): boolean | DumpError {
    const { fd, op } = file;
    const isNamed = this.#isNamed(file, vmFops);
    if (op === vmFops) return true;
    if (!isNamed) return false;
    return new DumpError(
      `it is not known whether descriptor ${fd} is a VM: its name is ${VM_FILE_NAME}, but its f_op is not kvm_vm_fops`,
    );
  }

  #isNamed({ fd, op, address }: OpenFile, vmFops: bigint): boolean {
    const known = this.#named.get(op);
    if (known !== undefined) return known;
    const name = orNull(() => this.reader.nameOf(address));
    this.#named.set(op, name === VM_FILE_NAME);
    if (op === vmFops && name !== VM_FILE_NAME)
      this.kvm.warn(
        `descriptor ${fd} is taken for a VM: its f_op is kvm_vm_fops, although its name ${name === null ? "can't be read" : `is not ${VM_FILE_NAME}`}`,
      );
    return name === VM_FILE_NAME;
  }
}

/** A process that holds VMs, or of which that is not known. */
export interface Holder extends HeldVms {
  readonly task: Task;
  /** Address of its mm_struct. */
  readonly mm: bigint;
}

/** Called for a process of which it is not known what it holds; null if it is not known which process that is. */
export type Omitted = (task: Task | null, why: DumpError) => void;

/**
 * Every process that has the file of a VM open. Processes that can't be read, and those of which no VM is found but
 * descriptors can't be read, are omitted, with a warning and a call of `omitted`.
 */
export function* holders(kvm: Kvm, tasks: Tasks, omitted?: Omitted): Generator<Holder> {
  const omit: Omitted = (task, why) => {
    kvm.warn(`${task === null ? '' : `pid ${task.tgid}: `}${why.message}`, why);
    omitted?.(task, why);
  };
  const lost = (why: DumpError): void => {
    omit(null, why);
  };
  for (const task of tasks.leaders(lost)) {
    try {
      const alive = tasks.alive(task);
      const held = vmsOf(kvm, alive);
      if (held.vms.length > 0) yield { task, mm: alive.mm, ...held };
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      omit(task, error);
    }
  }
}
