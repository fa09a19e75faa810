// SPDX-License-Identifier: Apache-2.0
import { DumpError, UsageError } from '../core/errors.js';
import { LazyBytes, type Readable } from '../core/lazy-bytes.js';
import type { Log } from '../core/log.js';
import { listFromBothEnds } from '../kernel/containers/list.js';
import type { Host } from '../kernel/host.js';
import { findModule, moduleSymbols } from '../kernel/modules.js';
import { type Resolved, resolve } from '../types/fields.js';
import { Unanswered } from '../types/source.js';
import { KVM_MODULE } from './needs.js';
import { kvmFields } from './structs.js';

/** vm_list has no bound of its own; each VM costs a file. */
const MOST_VMS = 1 << 22;

/** Address of a symbol of KVM's; null without one. */
type Find = (name: string) => bigint | null;

/** KVM on a host: built in or a module. */
export class Kvm {
  readonly at: Resolved<typeof kvmFields>;
  /** Address of kvm_vm_fops, the mark of a VM's file; null when no symbol table kept it. */
  readonly vmFops: bigint | null;
  readonly #vmList: bigint | null;

  /** Throws `DumpError` when KVM is not loaded, `UsageError` for a host that was opened for other things. */
  constructor(readonly host: Host) {
    if (!host.needs.modules.includes(KVM_MODULE))
      throw new UsageError("VMs are asked for, but the dump was opened without what is needed of KVM (needs: 'kvm')");
    const find = symbolsOf(host);
    this.vmFops = find('kvm_vm_fops');
    this.#vmList = find('vm_list');
    this.at = resolve(host.types, { kvm: kvmFields }).kvm;
  }

  /** Address of every struct kvm of the host, the newest VM first. Throws `DumpError` when vm_list is not known. */
  *all(): Generator<bigint> {
    if (this.#vmList === null)
      throw new DumpError("the VMs of this host can't be listed: no table of symbols has vm_list", {
        code: 'no-symbols',
      });
    for (const link of listFromBothEnds(this.host.memory, this.#vmList, MOST_VMS, 'vm_list'))
      yield link - BigInt(this.at.vmList.offset);
  }
}

/**
 * KVM's own symbols: of its module, or of the kernel it is built into. Where a module's can't be read, nothing is known
 * of them, and a warning says so: VMs are then found by other marks.
 */
function symbolsOf(host: Host): Find {
  const { memory, types, symbols, release, log } = host;
  const modules = symbols.get('modules');
  const table = orNull(log, () => {
    const module = modules === undefined ? null : findModule(memory, types, modules, KVM_MODULE.name);
    return module === null ? 'no module' : moduleSymbols(memory, types, module, KVM_MODULE.name);
  });
  if (table !== 'no module') return (name) => table?.find(name) ?? null;
  if ([KVM_MODULE.builtIn, 'vm_list'].some((name) => symbols.get(name) !== undefined))
    return (name) => symbols.get(name) ?? null;
  if (modules !== undefined)
    throw new DumpError(`kernel ${release}: KVM is not loaded, this host ran no VM`, { code: 'no-kvm' });
  throw new DumpError(`kernel ${release}: no table of symbols has 'modules', so that module kvm can't be found`, {
    code: 'no-symbols',
    remedies: ['system-map', 'vmlinux'],
  });
}

function orNull<T>(log: Log, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DumpError) || error instanceof Unanswered) throw error;
    log.warn(`module kvm: ${error.message}: its symbols are not known`, error);
    return null;
  }
}

/** The struct kvm at an address, as bytes: it takes several pages, of which only those with what is read have to be there. */
export const readKvm = (kvm: Kvm, address: bigint): Readable =>
  LazyBytes.of(kvm.host.memory, address, kvm.at.bytes, 'struct kvm');
