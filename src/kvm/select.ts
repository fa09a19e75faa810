// SPDX-License-Identifier: Apache-2.0
import type { Remedy } from '../core/advice.js';
import { changed, DumpError, orNull, UsageError } from '../core/errors.js';
import { silentLog } from '../core/log.js';
import { printable } from '../core/text.js';
import type { Host } from '../kernel/host.js';
import { Tasks } from '../kernel/tasks.js';
import { allVms, heldAlone, type KnownVm } from './all-vms.js';
import { candidates } from './candidates.js';
import type { Candidate, Candidates, Chosen } from './choice.js';
import { listAll, listVms } from './describe-vms.js';
import { heldOf, ofKnown } from './guests.js';
import { Kvm } from './kvm.js';
import { Vm } from './vm.js';

/** The VM that a command works on, and the process by which it was found. */
export interface Selected {
  readonly pid: number;
  /** File descriptor of the VM in that process; null if it is not known. */
  readonly fd: number | null;
  readonly vm: Vm;
}

/** How a VM's process is named: a number is a pid. */
type ProcessName = string | number | null;

/**
 * Selects a VM. `process` is a pid (in a text decimal, or else hexadecimal), the address of a task_struct, or the guest's
 * name or UUID. `choice` is a file descriptor or the address of a struct kvm. If `process` is null, selects the only VM
 * of the dump, or the VM at the address `choice`. Throws `UsageError` or `DumpError` if not exactly one VM matches; the
 * message lists the VMs or the processes that hold them.
 */
export function selectVm(host: Host, process: ProcessName, choice: string | null): Selected {
  const kvm = new Kvm(host);
  const tasks = new Tasks(host);
  const chosen = process === null ? onlyVm(kvm, tasks, choice) : chosenOf(kvm, candidates(kvm, tasks, process), choice);
  const { pid, fd, address, mm } = chosen;
  host.log.found(`VM: ${describe(chosen)}`);
  const vm = new Vm(kvm, address);
  if (mm !== null && vm.mm.address !== mm)
    host.log.warn(
      `the VM's memory is in the address space of its creator (kvm.mm), not in that of pid ${pid}; addresses are translated there`,
    );
  return { pid, fd, vm };
}

/**
 * Selects a VM by one word: the address of its struct kvm, or what `selectVm` takes for a process that holds only one VM.
 * Throws what `selectVm` throws.
 */
export function selectByWord(host: Host, word: string): Selected {
  const kvm = new Kvm(host);
  const isKvm =
    /^(0x)?[89a-f][0-9a-f]{15}$/i.test(word) &&
    tryAll(kvm, new Tasks(host)).vms.some(({ address }) => isAddress(address, word));
  try {
    return isKvm ? selectVm(host, null, word) : selectVm(host, word, null);
  } catch (error) {
    if (!(error instanceof UsageError) || !error.remedies.includes('vm')) throw error;
    throw changed(error, { problem: `${error.problem}; the address of a struct kvm chooses one` });
  }
}

const describe = ({ pid, comm, name, fd, address }: Chosen): string =>
  `pid ${pid}${comm === null ? '' : ` (${printable(comm)})`}${name === null ? '' : `, name '${printable(name)}'`}, descriptor ${fd ?? 'unknown'}, struct kvm at 0x${address.toString(16)}`;

/** VMs that a command lists; `problems` says why others may be missing. */
export interface SelectedVms {
  readonly kvm: Kvm;
  readonly vms: readonly KnownVm[];
  readonly problems: readonly string[];
}

/** Selects VMs with the parameters of `selectVm`: one VM, all VMs of a process, or all VMs of the host. */
export function selectVms(host: Host, process: ProcessName, choice: string | null): SelectedVms {
  const kvm = new Kvm(host);
  const tasks = new Tasks(host);
  if (process === null) return ofHost(kvm, tasks, choice);
  const meant = candidates(kvm, tasks, process);
  const wanted = choice === null ? meant.held : [choose(kvm, meant, choice)];
  const all = othersOf(host);
  const vms = wanted
    // Several descriptors can refer to one VM.
    .filter(({ address }, i) => wanted.findIndex((vm) => vm.address === address) === i)
    .map((vm) => all.find((known) => isOf(known, vm)) ?? heldAlone(kvm, tasks, vm, meant.pid));
  return { kvm, vms, problems: choice === null ? meant.problems : [] };
}

/**
 * All VMs, with the other processes that hold them; none if they can't be listed. Nothing is logged: what is not known of a
 * VM is among its problems, and other VMs were not asked for.
 */
function othersOf(host: Host): readonly KnownVm[] {
  const quiet = { ...host, log: silentLog };
  return orNull(() => allVms(new Kvm(quiet), new Tasks(quiet)).vms) ?? [];
}

/** Whether this is the VM, with the descriptor by which it was found. */
const isOf = ({ address, holders }: KnownVm, vm: Candidate): boolean =>
  address === vm.address && (vm.fd === null || holders.some(({ pid, fd }) => pid === vm.pid && fd === vm.fd));

function ofHost(kvm: Kvm, tasks: Tasks, choice: string | null): SelectedVms {
  const { vms, problems } = allVms(kvm, tasks);
  if (choice === null) return { kvm, vms, problems };
  const found = vms.filter((vm) => isAddress(vm.address, choice));
  if (found.length === 0) throw missingProcess(kvm, tasks, choice);
  return { kvm, vms: found, problems: [] };
}

function chosenOf(kvm: Kvm, meant: Candidates, choice: string | null): Chosen {
  return meant.chosen(choose(kvm, meant, choice));
}

/** The only VM of the dump, if the list of VMs is complete; or the VM at the address `choice`. */
function onlyVm(kvm: Kvm, tasks: Tasks, choice: string | null): Chosen {
  const { vms, problems } = tryAll(kvm, tasks);
  const found = choice === null ? vms : vms.filter((vm) => isAddress(vm.address, choice));
  const [only] = found;
  if (only === undefined || found.length > 1 || (choice === null && problems.length > 0))
    throw missingProcess(kvm, tasks, choice);
  const chosen = ofKnown(only, heldOf(only)[0]);
  if (choice === null)
    kvm.host.log.warn(
      `no process was given; using the only VM of the dump, that of pid ${only.pid ?? '?'}${chosen.comm === null ? '' : ` (${printable(chosen.comm)})`}`,
    );
  return chosen;
}

/** All VMs; none if they can't be listed, because the error that follows gives the reason. */
function tryAll(kvm: Kvm, tasks: Tasks): ReturnType<typeof allVms> {
  try {
    return allVms(kvm, tasks);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return { vms: [], problems: [], remedies: [] };
  }
}

/** The error for a question without a process. `choice`: the VM that was chosen; its number is one of a process. */
function missingProcess(kvm: Kvm, tasks: Tasks, choice: string | null): UsageError {
  const { text, entries, remedies } = listAll(kvm, tasks);
  if (choice !== null && !/^[0-9]{1,9}$/.test(choice))
    return new UsageError(`no VM is known whose struct kvm is at '${printable(choice)}'; ${text}`, {
      named: entries,
      remedies,
    });
  const wanted =
    choice === null
      ? "the pid or task_struct address of the process that holds the VM, or the guest's name or UUID"
      : `the process whose file descriptor ${choice} is the VM`;
  return new UsageError(`${wanted}; ${text}`, { missing: 'process', named: entries, remedies });
}

const isAddress = (address: bigint, text: string): boolean =>
  address.toString(16) === text.toLowerCase().replace(/^0x/, '');

/** The one that `choice` selects, a descriptor or the address of a struct kvm; or the only one, if it is null. */
function choose(kvm: Kvm, meant: Candidates, choice: string | null): Candidate {
  const { title, held, unknown } = meant;
  const wrong = (problem: string, remedies: readonly Remedy[] = []): UsageError => {
    // The process is the same for all, unless a guest was given.
    const choices = listVms(kvm, meant.pid === null ? held : held.map(({ fd, address }) => ({ fd, address })));
    return new UsageError(`${title} ${problem}`, { remedies, choices });
  };
  if (choice === null) {
    if (unknown !== null) throw wrong("may hold VMs that can't be read", ['vm']);
    return oneOf(held) ?? fail(wrong('holds several VMs', ['vm']));
  }
  const byNumber = /^[0-9]+$/.test(choice) ? held.filter(({ fd }) => fd === Number(choice)) : [];
  const found = byNumber.length > 0 ? byNumber : held.filter(({ address }) => isAddress(address, choice));
  if (found.length === 0) throw wrong(`does not hold VM '${printable(choice)}'; it holds`);
  return oneOf(found) ?? fail(wrong(`has several VMs with descriptor ${choice}`, ['vm']));
}

/** The first of several descriptors, if all refer to the same VM. */
function oneOf(held: readonly Candidate[]): Candidate | undefined {
  const [first] = held;
  return held.every(({ address }) => address === first?.address) ? first : undefined;
}

function fail(error: Error): never {
  throw error;
}
