// SPDX-License-Identifier: Apache-2.0
// All address spaces of a host that can map user memory: those of its processes, and those that only a VM holds.
import { DumpError, orNull } from '../core/errors.js';
import { decoded } from '../core/text.js';
import { nameOf } from '../kernel/find-task.js';
import type { Host } from '../kernel/host.js';
import { type Mm, readMm } from '../kernel/mm.js';
import { isKernelThread } from '../kernel/process.js';
import { type Task, Tasks } from '../kernel/tasks.js';
import { allVms, type KnownVm } from '../kvm/all-vms.js';
import type { Kvm } from '../kvm/kvm.js';
import { argumentsOfVm } from '../kvm/names.js';
import { Vm } from '../kvm/vm.js';
import type { FoundKvm } from './find-kvm.js';
import { type NamedVm, type PlacedSlot, SlotIndex } from './slot-index.js';

/** An address space: the process whose it is, and the memslots of VMs in it. */
export interface Space {
  /** Address of its mm_struct. */
  readonly address: bigint;
  /** Null if it can't be read. */
  readonly mm: Mm | null;
  /** The process; null if none is known to have it. */
  readonly pid: number | null;
  readonly comm: string | null;
  /** Pids of further processes that share it (CLONE_VM, vfork). The kernel counts its mappings once. */
  readonly sharedWith: readonly number[];
  /** The memslots in it; null if it has none. */
  readonly slots: SlotIndex | null;
  /** Why pages of a VM may be taken for pages of the process. */
  readonly problems: readonly string[];
}

/** The address spaces of a host. */
export interface Spaces {
  readonly all: readonly Space[];
  /** Why others may be missing. */
  readonly missing: readonly string[];
  /** Why VMs may be missing, whose pages are then taken for pages of processes. */
  readonly noVms: readonly string[];
}

/** Reads them, in the order of the task list. */
export function addressSpaces(host: Host, { kvm, problem }: FoundKvm): Spaces {
  const missing: string[] = [];
  const noVms: string[] = problem === null ? [] : [problem];
  const tasks = new Tasks(host);
  const processes = processesByMm(host, tasks, missing);
  const vms = kvm === null ? new Map<bigint, VmsOf>() : vmsByMm(kvm, tasks, noVms);
  const all: Space[] = [];
  for (const address of new Set([...processes.keys(), ...vms.keys()])) {
    const [first, ...others] = processes.get(address) ?? [];
    const { slots = [], problems = [] } = vms.get(address) ?? {};
    const mm = tried(missing, first === undefined ? 'the memory of a VM' : nameOf(first), () => readMm(host, address));
    all.push({
      address,
      mm,
      pid: first?.tgid ?? null,
      comm: first === undefined ? null : decoded(first.comm),
      sharedWith: others.map(({ tgid }) => tgid),
      slots: slots.length === 0 ? null : new SlotIndex(slots),
      problems,
    });
  }
  return { all, missing, noVms };
}

/** The leaders of processes by the address of their mm_struct. */
function processesByMm(host: Host, tasks: Tasks, missing: string[]): Map<bigint, Task[]> {
  const found = new Map<bigint, Task[]>();
  const lost = (error: DumpError): void => {
    missing.push(`a process can't be read: ${error.message}`);
  };
  tried(missing, 'not all processes can be read', () => {
    for (const task of tasks.leaders(lost)) {
      const mm = tried(missing, nameOf(task), () => mmOf(host, tasks, task)) ?? 0n;
      if (mm !== 0n) found.set(mm, [...(found.get(mm) ?? []), task]);
    }
  });
  return found;
}

/** The mm_struct of a process, that of another thread if the leader has exited; 0 for kernel threads, which can borrow one. */
function mmOf(host: Host, tasks: Tasks, task: Task): bigint {
  if (task.mm !== 0n) return isKernelThread(host, task) ? 0n : task.mm;
  if (orNull(() => isKernelThread(host, task)) === true) return 0n;
  for (const { mm } of tasks.threads(task)) if (mm !== 0n) return mm;
  return 0n;
}

interface VmsOf {
  readonly slots: PlacedSlot[];
  readonly problems: string[];
}

function vmsByMm(kvm: Kvm, tasks: Tasks, noVms: string[]): Map<bigint, VmsOf> {
  const found = new Map<bigint, VmsOf>();
  const all = tried(noVms, "the VMs can't be listed", () => allVms(kvm, tasks));
  noVms.push(...(all?.problems ?? []));
  for (const known of all?.vms ?? []) {
    const title = `the VM at 0x${known.address.toString(16)}`;
    if (known.mm === null) {
      noVms.push(`${title}: it is not known whose memory it has`);
      continue;
    }
    const of = found.get(known.mm) ?? { slots: [], problems: [] };
    found.set(known.mm, of);
    if (known.pid === null) of.problems.push(`${title}: it is not known which process holds it`);
    tried(of.problems, title, () => {
      addSlots(of, named(kvm, known), title);
    });
  }
  return found;
}

function named(kvm: Kvm, known: KnownVm): NamedVm {
  const name = orNull(() => argumentsOfVm(kvm, known).guest?.name ?? null);
  return { vm: new Vm(kvm, known.address), pid: known.pid, name };
}

function addSlots({ slots, problems }: VmsOf, of: NamedVm, title: string): void {
  for (let addressSpace = 0; addressSpace < of.vm.spaces; addressSpace++) {
    const set = tried(problems, title, () => of.vm.slots(addressSpace));
    if (set === null) continue;
    if (set.missing !== null) problems.push(`${title}: memslots may be missing: ${set.missing}`);
    for (const slot of set.slots) slots.push({ of, addressSpace, slot });
  }
}

/** What `work` returns; null, with the reason in `problems`, if it throws `DumpError`. */
function tried<T>(problems: string[], what: string, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    problems.push(`${what}: ${error.message}`);
    return null;
  }
}
