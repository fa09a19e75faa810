// SPDX-License-Identifier: Apache-2.0
// The VMs that have a guest's name or UUID.
import { DumpError, orNull, UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Tasks } from '../kernel/tasks.js';
import { allVms, type KnownVm } from './all-vms.js';
import type { Candidate, Candidates } from './candidates.js';
import type { Kvm } from './kvm.js';
import { argumentsOfVm } from './names.js';

/** The VMs with this name or UUID on QEMU's command line; null if there are none, or if the VMs can't be listed. */
export function guests(kvm: Kvm, tasks: Tasks, text: string): Candidates | null {
  const all = orNull(() => allVms(kvm, tasks).vms);
  return all === null ? null : called(kvm, all, text);
}

/** The same. Throws `why`, or else an error that lists the names, if there are none. */
export function guestsOrThrow(kvm: Kvm, tasks: Tasks, text: string, why: DumpError | null): Candidates {
  const wrong = (problem: string): Error =>
    why ?? new UsageError(`'${printable(text)}' ${problem}`, { wrong: 'process' });
  const all = listOrThrow(kvm, tasks, wrong);
  const found = called(kvm, all, text);
  if (found !== null) return found;
  throw wrong(`is not a pid, the address of a task_struct, or the name or UUID of a VM; ${namesOf(kvm, all)}`);
}

function called(kvm: Kvm, all: readonly KnownVm[], text: string): Candidates | null {
  const found = all.filter((vm) => {
    const { guest } = argumentsOfVm(kvm, vm);
    return guest !== null && (guest.name === text || guest.uuid === text.toLowerCase());
  });
  if (found.length === 0) return null;
  return {
    title: `'${printable(text)}'`,
    pid: null,
    held: found.flatMap(heldOf),
    unknown: null,
    problems: [],
    chosen: ({ pid, fd, address }) => ({ pid: pid ?? 0, fd, address, mm: null }),
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

function listOrThrow(kvm: Kvm, tasks: Tasks, wrong: (problem: string) => Error): readonly KnownVm[] {
  try {
    return allVms(kvm, tasks).vms;
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    throw wrong(`is not a pid or the address of a task_struct; names can't be looked up: ${error.message}`);
  }
}

/** The names of VMs for a message, as far as the dump has them. */
function namesOf(kvm: Kvm, all: readonly KnownVm[]): string {
  const texts = all.map((vm) => {
    const { guest } = argumentsOfVm(kvm, vm);
    const name = guest === null ? 'name not in the dump' : guest.name === null ? 'no name' : printable(guest.name);
    return `${vm.pid ?? '?'} (${name})`;
  });
  return texts.length === 0 ? 'no VM was found' : `VMs: ${texts.join(', ')}`;
}
