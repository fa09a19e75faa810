// SPDX-License-Identifier: Apache-2.0
// What the memory of processes says of VMs: their command lines, and the guests' names and UUIDs in them.
import { DumpError } from '../core/errors.js';
import { decoded } from '../core/text.js';
import { argumentsOf } from '../kernel/arguments.js';
import type { Host } from '../kernel/host.js';
import { readMm } from '../kernel/mm.js';
import { orProblem } from './about.js';
import type { KnownVm } from './all-vms.js';
import type { Kvm } from './kvm.js';
import { type GuestName, guestName } from './qemu-name.js';

/** The command line of the process that identifies a VM, and the guest's name and UUID. `problems`: why one is null. */
export interface VmArguments {
  readonly words: readonly string[] | null;
  /** Null if it is not known. */
  readonly guest: GuestName | null;
  readonly problems: readonly string[];
}

/**
 * Reads the command line of the process that identifies a VM. The guest's name and UUID are in that of the creator, whose
 * memory is that of the VM; another process that holds the VM now may run another guest.
 */
export function argumentsOfVm({ host }: Kvm, { mm, processMm, creator }: KnownVm): VmArguments {
  const problems: string[] = [];
  const words = orProblem(problems, 'arguments', () => wordsOf(host, processMm));
  if (mm !== null && mm === processMm) return { words, guest: words === null ? null : guestName(words), problems };
  const process = creator === null ? 'the creator' : `pid ${creator.pid}, which created the VM`;
  const guest = orProblem(problems, `name: ${process}`, () => guestName(wordsOf(host, mm)));
  return { words, guest, problems };
}

/** The words of the command line of a process, decoded where they are UTF-8. */
function wordsOf(host: Host, mm: bigint | null): readonly string[] {
  if (mm === null || mm === 0n) throw new DumpError('the memory of the process is not known', { code: 'not-in-dump' });
  return argumentsOf(host, readMm(host, mm)).map(decoded);
}
