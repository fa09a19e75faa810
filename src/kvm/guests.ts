// SPDX-License-Identifier: Apache-2.0
// The VMs that have a guest's name or UUID.
import { DumpError, orNull, UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Tasks } from '../kernel/tasks.js';
import { allVms, type KnownVm } from './all-vms.js';
import type { Candidate, Candidates, Chosen } from './choice.js';
import { listKnown } from './describe-vms.js';
import { definite } from './find-process.js';
import type { Kvm } from './kvm.js';
import { argumentsOfVm } from './names.js';
import type { GuestName } from './qemu-name.js';

/** The VMs with this name or UUID on QEMU's command line; null if there are none, or if the VMs can't be listed. */
export function guests(kvm: Kvm, tasks: Tasks, text: string): Candidates | null {
  const all = orNull(() => allVms(kvm, tasks).vms);
  return all === null ? null : called(withNames(kvm, all), text);
}

/**
 * The same. Throws an error that lists the VMs, or `why`, the error of looking up the text as a number, if there are none.
 */
export function guestsOrThrow(kvm: Kvm, tasks: Tasks, text: string, why: DumpError | null): Candidates {
  const all = listOrThrow(kvm, tasks, text, why);
  const read = withNames(kvm, all);
  const found = called(read, text);
  if (found === null) throw notNamed(kvm, text, why, read);
  return found;
}

/** A VM, and the guest's name and UUID; null if they can't be read. */
interface Named {
  readonly vm: KnownVm;
  readonly guest: GuestName | null;
}

const withNames = (kvm: Kvm, all: readonly KnownVm[]): readonly Named[] =>
  all.map((vm) => ({ vm, guest: argumentsOfVm(kvm, vm).guest }));

function called(all: readonly Named[], text: string): Candidates | null {
  const found = all.filter(({ guest }) => guest !== null && (guest.name === text || guest.uuid === text.toLowerCase()));
  if (found.length === 0) return null;
  return {
    title: `'${printable(text)}'`,
    pid: null,
    held: found.flatMap(({ vm }) => heldOf(vm)),
    unknown: null,
    problems: [],
    chosen(chosen) {
      const { vm, guest } = found.find((each) => each.vm.address === chosen.address) as Named;
      return ofKnown(vm, chosen, guest?.name ?? null);
    },
  };
}

/** A VM with each of its holders, the process that identifies it first. */
export function heldOf({ address, pid, holders }: KnownVm): readonly [Candidate, ...Candidate[]] {
  const of = (isIt: boolean): Candidate[] =>
    holders
      .filter((holder) => (holder.pid === pid) === isIt)
      .map((holder) => ({ pid: holder.pid, fd: holder.fd, address }));
  const [first = { pid, fd: null, address }, ...rest] = [...of(true), ...of(false)];
  return [first, ...rest];
}

/** Describes a VM that was chosen with one of its holders. */
export function ofKnown(
  { creator, holders }: KnownVm,
  { pid, fd, address }: Candidate,
  name: string | null = null,
): Chosen {
  const process = holders.find((holder) => holder.pid === pid) ?? creator;
  return { pid: pid ?? 0, comm: process?.comm ?? null, name, fd, address, mm: null };
}

function listOrThrow(kvm: Kvm, tasks: Tasks, text: string, why: DumpError | null): readonly KnownVm[] {
  try {
    return allVms(kvm, tasks).vms;
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    const problem = `is not a pid or the address of a task_struct; names can't be looked up: ${error.message}`;
    throw why ?? new UsageError(`'${printable(text)}' ${problem}`, { wrong: 'process' });
  }
}

/** The error for a name that no VM is known to have. */
function notNamed(kvm: Kvm, text: string, why: DumpError | null, all: readonly Named[]): Error {
  const unread = all.filter(({ guest }) => guest === null).length;
  const names = `the ${unread === 1 ? 'name of 1 VM' : `names of ${unread} VMs`} can't be read from the dump`;
  if (why !== null) {
    // Few guests have a number as their name; it is then not worth a remark.
    const proof = definite.get(why);
    if (unread === 0 || proof === undefined || /^(?:0x|[0-9]+$)/i.test(text)) return why;
    const problem = `${proof.problem}; whether a VM has the name '${printable(text)}' is not known, because ${names}`;
    return new DumpError(problem, { origin: why, ...(why.hint === undefined ? {} : { hint: why.hint }) });
  }
  const { text: known, entries, remedies } = listKnown(kvm, { vms: all.map(({ vm }) => vm), problems: [] });
  const problem =
    unread === 0 ? 'no VM has this name or UUID' : `no VM is known to have this name or UUID: ${names}, so use a pid`;
  return new UsageError(`'${printable(text)}' is not a pid or the address of a task_struct, and ${problem}; ${known}`, {
    wrong: 'process',
    named: entries,
    remedies,
  });
}
