// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull, UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Host } from '../kernel/host.js';
import { PID_LIMIT, type Task, Tasks } from '../kernel/tasks.js';
import { type HeldVm, holders, listedVms, vmsOf } from './find-vms.js';
import { Kvm } from './kvm.js';
import { Vm } from './vm.js';

/** The VM that a command works on, and the process through which it was named. */
export interface Selected {
  readonly pid: number;
  /** Null where descriptors can't be read. */
  readonly fd: number | null;
  readonly vm: Vm;
}

/**
 * The VM that `-g` and `--vm` name. `process` is a pid, decimal or else hexadecimal, or the address of a task_struct;
 * `choice` is a descriptor's number or the address of a struct kvm. Throws when none or several are meant, and says
 * which there are.
 */
export function selectVm(host: Host, process: string | null, choice: string | null): Selected {
  const kvm = new Kvm(host);
  const tasks = new Tasks(host);
  if (process === null)
    throw new UsageError(
      `-g is missing: the pid or task_struct address of the process that holds the VM; ${listHolders(kvm, tasks)}`,
    );
  const { pid, fd, address, mm } = chosenVm(kvm, tasks, process, choice);
  const vm = new Vm(kvm, address);
  if (mm !== null && vm.mm.address !== mm)
    host.log.warn(`the VM's memory is its creator's, not that of pid ${pid}: answered through kvm.mm`);
  return { pid, fd, vm };
}

/** What the dump says, as opposed to what it can't say: this process holds no VM, or there is none of this number. */
class Definite extends DumpError {
  constructor(
    problem: string,
    readonly pid: number | null,
  ) {
    super(problem);
  }
}

interface Chosen {
  readonly pid: number;
  readonly fd: number | null;
  readonly address: bigint;
  /** The process's own memory; null where it is not known. */
  readonly mm: bigint | null;
}

function chosenVm(kvm: Kvm, tasks: Tasks, process: string, choice: string | null): Chosen {
  try {
    return heldBy(kvm, tasks, process, choice);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return madeBy(kvm, tasks, process, choice, error);
  }
}

function heldBy(kvm: Kvm, tasks: Tasks, process: string, choice: string | null): Chosen {
  const { log } = kvm.host;
  const task = findTask(kvm.host, kvm, tasks, process);
  const alive = tasks.alive(task);
  const held = vmsOf(kvm, alive);
  if (held.length === 0) throw new Definite(`${nameOf(task)} holds no VM; ${listHolders(kvm, tasks)}`, task.tgid);
  const { fd, address } = choose(kvm, nameOf(task), held, choice);
  log.found(`${nameOf(task)}: VM of descriptor ${fd ?? 'unknown'}, struct kvm at 0x${address.toString(16)}`);
  return { pid: task.tgid, fd, address, mm: alive.mm };
}

/**
 * Where a process can't be read, or holds none: the VMs that it made, by the pid that each VM keeps. Their creator may have
 * exited while another process holds them.
 */
function madeBy(kvm: Kvm, tasks: Tasks, process: string, choice: string | null, why: DumpError): Chosen {
  const pid = why instanceof Definite ? why.pid : decimalPid(process);
  const { vms, complete } = pid === null ? { vms: [], complete: false } : listed(kvm, why);
  const made = vms.filter((vm) => vm.pid === pid);
  if (pid === null || made.length === 0) throw why;
  const held = made.map(({ address }) => ({ fd: null, address, incomplete: !complete }));
  const { address } = choose(kvm, `pid ${pid}`, held, choice);
  if (!(why instanceof Definite)) {
    kvm.host.log.warn(`${why.message}: the VM is found in the list of all, as one that pid ${pid} made`);
    return { pid, fd: null, address, mm: null };
  }
  const holder = holderOf(kvm, tasks, address);
  const now = holder === null ? 'no process that can be read holds it now' : `${nameOf(holder.task)} holds it now`;
  kvm.host.log.warn(`pid ${pid} made the VM and does not hold it any more: ${now}`);
  return { pid: holder?.task.tgid ?? pid, fd: holder?.fd ?? null, address, mm: null };
}

/** The first process that holds a VM. */
function holderOf(kvm: Kvm, tasks: Tasks, address: bigint): { task: Task; fd: number | null } | null {
  for (const { task, vms } of holders(kvm, tasks)) {
    const held = vms.find((vm) => vm.address === address);
    if (held !== undefined) return { task, fd: held.fd };
  }
  return null;
}

/** Those of the host; where there is no list, what led here is what went wrong. */
function listed(kvm: Kvm, why: DumpError): ReturnType<typeof listedVms> {
  try {
    return listedVms(kvm);
  } catch (error) {
    throw error instanceof DumpError ? why : error;
  }
}

function findTask(host: Host, kvm: Kvm, tasks: Tasks, text: string): Task {
  const hexadecimal = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text)?.[1];
  if (hexadecimal === undefined)
    throw new UsageError(`-g '${printable(text)}' is no pid and no address of a task_struct`);
  const value = BigInt(`0x${hexadecimal}`);
  const decimal = /^[0-9]+$/.test(text) ? tasks.byPid(Number(text)) : null;
  const other = value < PID_LIMIT ? otherTask(tasks, Number(value), decimal) : null;
  const asDecimal = decimalPid(text);
  if (decimal === null && other !== null && asDecimal !== null && hasMade(kvm, asDecimal))
    throw new Definite(`no process has pid ${text}`, asDecimal);
  if (decimal !== null) {
    if (other !== null && other.tgid !== decimal.tgid)
      host.log.warn(`-g ${text} is taken as decimal; read as hexadecimal it is ${nameOf(other)}`);
    return decimal;
  }
  const task = other ?? tasks.byAddress(value);
  if (task === null)
    throw new Definite(
      `no process or task_struct ${printable(text)} in the dump; ${listHolders(kvm, tasks)}`,
      asDecimal ?? (value < PID_LIMIT ? Number(value) : null),
    );
  if (other !== null && /^[0-9]+$/.test(text))
    host.log.warn(`no process has pid ${text}; taken as hexadecimal: ${nameOf(task)}`);
  return task;
}

const decimalPid = (text: string): number | null => (/^[0-9]{1,7}$/.test(text) ? Number(text) : null);

/** Whether a VM is known that this pid made. */
const hasMade = (kvm: Kvm, pid: number): boolean =>
  orNull(() => listedVms(kvm).vms.some((vm) => vm.pid === pid)) === true;

/** The task of a number read as hexadecimal; once there is one of the decimal number, it is of no importance. */
function otherTask(tasks: Tasks, pid: number, decimal: Task | null): Task | null {
  try {
    return tasks.byPid(pid);
  } catch (error) {
    if (!(error instanceof DumpError) || decimal === null) throw error;
    return null;
  }
}

const nameOf = ({ tgid, comm }: Task): string => `pid ${tgid} (${printable(comm)})`;

function choose(kvm: Kvm, holder: string, held: readonly HeldVm[], choice: string | null): HeldVm {
  const [first] = held as [HeldVm];
  const incomplete = held.some((vm) => vm.incomplete === true);
  // One VM can be held by several descriptors.
  if (choice === null && !incomplete && held.every(({ address }) => address === first.address)) return first;
  if (choice === null && incomplete)
    throw new UsageError(`${holder} may hold VMs that can't be read; choose with --vm:`, listVms(kvm, held));
  if (choice === null) throw new UsageError(`${holder} holds several VMs; choose with --vm:`, listVms(kvm, held));
  const byNumber = /^[0-9]+$/.test(choice) ? held.find(({ fd }) => fd === Number(choice)) : undefined;
  const found =
    byNumber ?? held.find(({ address }) => address.toString(16) === choice.toLowerCase().replace(/^0x/, ''));
  if (found === undefined)
    throw new UsageError(`${holder} holds no VM '${printable(choice)}'; it holds:`, listVms(kvm, held));
  return found;
}

/** A line a VM: descriptor, address, slots. */
const listVms = (kvm: Kvm, held: readonly HeldVm[]): string[] =>
  held.map(({ fd, address }) => `  fd ${fd ?? '?'}  kvm 0x${address.toString(16)}  ${slotsText(kvm, address)}`);

function slotsText(kvm: Kvm, address: bigint): string {
  try {
    const vm = new Vm(kvm, address);
    const counts = Array.from({ length: vm.spaces }, (_, space) => vm.slots(space).slots.length);
    return `slots ${counts.map((count, space) => (space === 0 ? String(count) : `+ ${count} in address space ${space}`)).join(' ')}`;
  } catch (error) {
    if (error instanceof DumpError) return error.message;
    throw error;
  }
}

/** For the message: which processes would have been right. */
function listHolders(kvm: Kvm, tasks: Tasks): string {
  const found: string[] = [];
  const known = new Set<bigint>();
  const trouble = attempt(() => {
    for (const { task, vms } of holders(kvm, tasks)) {
      found.push(`${task.tgid} (${printable(task.comm)}, fd ${vms.map(({ fd }) => fd ?? '?').join(' ')})`);
      for (const { address } of vms) known.add(address);
    }
  });
  const others: string[] = [];
  attempt(() => {
    for (const { address, pid } of listedVms(kvm).vms)
      if (!known.has(address)) others.push(`0x${address.toString(16)}${pid === null ? '' : ` (made by pid ${pid})`}`);
  });
  const list = [
    ...(found.length === 0 ? [] : [`processes that hold VMs: ${found.join(', ')}`]),
    ...(others.length === 0 ? [] : [`VMs whose holder was not found: ${others.join(', ')}`]),
    ...(trouble === null ? [] : [`not all could be looked at: ${trouble.message}`]),
  ];
  return list.length === 0 ? 'no process of this host holds one' : list.join('; ');
}

/** Does as much as the dump allows; what stood in the way. */
function attempt(work: () => void): DumpError | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof DumpError) return error;
    throw error;
  }
}
