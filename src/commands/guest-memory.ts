// SPDX-License-Identifier: Apache-2.0
// The memory that read and search work on: the guest's physical memory, its virtual memory, or the memory of its process.
import { PAGE_SIZE } from '../core/address.js';
import { changed, DumpError, UsageError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { HOST_NEEDS } from '../kernel/needs.js';
import { findProcess, type Process } from '../kernel/process.js';
import type { Selected } from '../kvm/select.js';
import { type GuestVcpu, vcpusOfVm } from '../kvm/vcpus/read.js';
import { type Paging, pagingOf } from '../paging/architecture.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import { GuestVirtual } from '../spaces/guest-virtual.js';
import { type Pages, pagesOf } from '../spaces/reading.js';
import { guestSpaceOf, mmSpaceOf } from '../spaces/spaces.js';
import { needGva, virtualOptions } from './guest-options.js';
import { openGuest } from './in-guest.js';
import { flag, type Values } from './options.js';

/** KVM's address space in System Management Mode. */
const SMM = 1;

/** The options that choose the memory. */
export const memoryOptions = {
  ...virtualOptions,
  hva: { ...flag('the addresses are virtual addresses of the process in which the VM is'), excludes: ['gva'] },
};

export type Chosen = Values<typeof memoryOptions> & { readonly addressSpace: number };

/** The memory that the options choose. Throws `UsageError` for options that do not fit together. */
export function memoryOf(selected: Selected, given: Chosen): Pages {
  const { vm } = selected;
  needMemory(given);
  if (given.hva) return pagesOf(mmSpaceOf(vm.kvm.host, vm.mm));
  const space = guestSpaceOf(vm, given.addressSpace);
  return given.gva ? virtualMemory(selected, space, given) : pagesOf(space);
}

/** The guest's virtual memory. Throws what `pagingFor` throws. */
export const virtualMemory = (
  selected: Selected,
  space: GuestSpace,
  given: Values<typeof virtualOptions>,
): GuestVirtual => new GuestVirtual(space, pagingFor(selected, space.addressSpace, given));

/** Throws `UsageError` for options that the chosen memory has no use for. */
export function needMemory({ hva, addressSpace, ...given }: Chosen): void {
  needGva(given);
  if (hva && addressSpace !== 0)
    throw new UsageError('--address-space is about guest physical addresses: --hva has no use for it');
}

/**
 * The paging of the guest, by the registers of a vCPU. In System Management Mode a vCPU has other page tables, in address
 * space 1. Throws `UsageError` if the VM does not have such a vCPU, and `DumpError` if its registers are not known.
 */
function pagingFor(
  selected: Selected,
  addressSpace: number,
  { vcpu, cr3, gtask }: Values<typeof virtualOptions>,
): Paging {
  if (gtask !== null) return pagingOfTask(selected, gtask);
  const { vm } = selected;
  const all = vcpusOfVm(vm.kvm, vm.address);
  const wanted = vcpu === null ? all : all.filter(({ index }) => index === vcpu);
  if (vcpu !== null && wanted.length === 0)
    throw new UsageError(
      `the VM has no vCPU with index ${vcpu} that can be read; its vCPUs: ${all.map(({ index }) => index).join(', ')}`,
    );
  const fitting = wanted.filter((each) => sees(each, addressSpace));
  const paging = fitting.map((each) => pagingOfVcpu(each, cr3)).find((each) => each !== null);
  if (paging !== undefined) return paging;
  const { unknown: origin = null } = fitting[0] ?? {};
  throw new DumpError(`the guest's page tables are not known: ${whyNone(wanted, fitting, cr3)}`, {
    ...(origin === null ? { code: 'not-in-dump' } : { origin }),
    ...(cr3 === null && all.some((each) => sees(each, addressSpace) && pagingOfVcpu(each, 0n) !== null)
      ? { hint: 'a value of CR3 can be given' }
      : {}),
  });
}

/** The paging of a process of the guest, whose kernel is read as that of a dump. */
function pagingOfTask(selected: Selected, task: string): Paging {
  const { host } = openGuest(selected, HOST_NEEDS, selected.vm.kvm.host.log);
  const { levels } = host.memory.form;
  const { mm } = guestProcess(host, task);
  return { mode: levels === 5 ? '5-level' : '4-level', root: mm.root * PAGE_SIZE, hasLargePages: true };
}

function guestProcess(host: Host, task: string): Process {
  try {
    return findProcess(host, task);
  } catch (error) {
    throw error instanceof UsageError ? changed(error, { argument: 'guest-process' }) : error;
  }
}

/**
 * The paging of a vCPU; null if it is not known. With a value of CR3 the other registers only say of what kind its page tables
 * are: those of a vCPU that had paging off do not.
 */
function pagingOfVcpu({ paging: known }: GuestVcpu, cr3: bigint | null): Paging | null {
  const root = cr3 ?? known.cr3;
  const { cr0, cr4, efer } = known;
  if (root === null || cr0 === null || cr4 === null || efer === null) return null;
  const paging = pagingOf({ cr0, cr4, efer, cr3: root });
  return cr3 !== null && paging.mode === 'none' ? null : paging;
}

/** Whether the registers of a vCPU are about page tables in an address space. */
const sees = ({ smm }: GuestVcpu, addressSpace: number): boolean => smm === false || addressSpace === SMM;

function whyNone(wanted: readonly GuestVcpu[], fitting: readonly GuestVcpu[], cr3: bigint | null): string {
  const [first, fit] = [wanted[0], fitting[0]];
  if (first === undefined) return 'no vCPU can be read';
  if (fit !== undefined) return whyNot(fit, cr3);
  return first.smm === null
    ? `it is not known whether vCPU ${first.index} was in System Management Mode (${first.problems.join('; ')})`
    : `vCPU ${first.index} was in System Management Mode, whose memory is that of --address-space ${SMM}`;
}

function whyNot({ index, paging, unknown, problems }: GuestVcpu, cr3: bigint | null): string {
  if (unknown !== null) return `vCPU ${index}: ${unknown.message}`;
  const needed = cr3 === null ? (['cr0', 'cr3', 'cr4', 'efer'] as const) : (['cr0', 'cr4', 'efer'] as const);
  const missing = needed.filter((name) => paging[name] === null);
  if (missing.length === 0)
    return `vCPU ${index} had paging off, so that it does not say of what kind those at a CR3 are`;
  return `${missing.join(', ')} of vCPU ${index} not known${problems.length > 0 ? ` (${problems.join('; ')})` : ''}`;
}
