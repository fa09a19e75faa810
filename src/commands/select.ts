// SPDX-License-Identifier: Apache-2.0
import { DumpError, UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Host } from '../kernel/host.js';
import { PID_LIMIT, type Task, Tasks } from '../kernel/tasks.js';
import { type HeldVm, holders, vmsOf } from '../kvm/find-vms.js';
import { Kvm } from '../kvm/kvm.js';
import { Vm } from '../kvm/vm.js';

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
  const task = findTask(host, kvm, tasks, process);
  const alive = tasks.alive(task);
  const held = vmsOf(kvm, alive);
  if (held.length === 0) throw new DumpError(`${nameOf(task)} holds no VM; ${listHolders(kvm, tasks)}`);
  const { fd, address } = choose(kvm, task, held, choice);
  host.log.found(`${nameOf(task)}: VM of descriptor ${fd ?? 'unknown'}, struct kvm at 0x${address.toString(16)}`);
  const vm = new Vm(kvm, address);
  if (vm.mm.address !== alive.mm)
    host.log.warn(`the VM's memory is its creator's, not that of ${nameOf(task)}: answered through kvm.mm`);
  return { pid: task.tgid, fd, vm };
}

function findTask(host: Host, kvm: Kvm, tasks: Tasks, text: string): Task {
  const hexadecimal = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text)?.[1];
  if (hexadecimal === undefined)
    throw new UsageError(`-g '${printable(text)}' is no pid and no address of a task_struct`);
  const value = BigInt(`0x${hexadecimal}`);
  const decimal = /^[0-9]+$/.test(text) ? tasks.byPid(Number(text)) : null;
  const other = value < PID_LIMIT ? tasks.byPid(Number(value)) : null;
  if (decimal !== null) {
    if (other !== null && other.tgid !== decimal.tgid)
      host.log.warn(`-g ${text} is taken as decimal; read as hexadecimal it is ${nameOf(other)}`);
    return decimal;
  }
  const task = other ?? tasks.byAddress(value);
  if (task === null)
    throw new DumpError(`no process or task_struct ${printable(text)} in the dump; ${listHolders(kvm, tasks)}`);
  if (other !== null && /^[0-9]+$/.test(text))
    host.log.warn(`no process has pid ${text}; taken as hexadecimal: ${nameOf(task)}`);
  return task;
}

const nameOf = ({ tgid, comm }: Task): string => `pid ${tgid} (${printable(comm)})`;

function choose(kvm: Kvm, task: Task, held: readonly HeldVm[], choice: string | null): HeldVm {
  const [first] = held as [HeldVm];
  // One VM can be held by several descriptors.
  if (choice === null && held.every(({ address }) => address === first.address)) return first;
  if (choice === null)
    throw new UsageError(`${nameOf(task)} holds several VMs; choose with --vm:\n${listVms(kvm, held)}`);
  const byNumber = /^[0-9]+$/.test(choice) ? held.find(({ fd }) => fd === Number(choice)) : undefined;
  const found =
    byNumber ?? held.find(({ address }) => address.toString(16) === choice.toLowerCase().replace(/^0x/, ''));
  if (found === undefined)
    throw new UsageError(`${nameOf(task)} holds no VM '${printable(choice)}'; it holds:\n${listVms(kvm, held)}`);
  return found;
}

/** A line a VM: descriptor, address, slots. */
function listVms(kvm: Kvm, held: readonly HeldVm[]): string {
  const lines = held.map(
    ({ fd, address }) => `  fd ${fd ?? '?'}  kvm 0x${address.toString(16)}  ${slotsText(kvm, address)}`,
  );
  return lines.join('\n');
}

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
  let trouble = '';
  try {
    for (const { task, vms } of holders(kvm, tasks))
      found.push(`${task.tgid} (${printable(task.comm)}, fd ${vms.map(({ fd }) => fd ?? '?').join(' ')})`);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    trouble = `not all could be looked at: ${error.message}`;
  }
  const list = found.length === 0 ? [] : [`processes that hold VMs: ${found.join(', ')}`];
  if (trouble !== '') list.push(trouble);
  return list.length === 0 ? 'no process of this host holds one' : list.join('; ');
}
