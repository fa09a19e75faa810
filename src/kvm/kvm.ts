// SPDX-License-Identifier: Apache-2.0
import { DumpError, during } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import type { Host } from '../kernel/host.js';
import { findModule, moduleSymbols } from '../kernel/modules.js';
import { listLinks } from '../kernel/pointers.js';
import { type Resolved, resolve } from '../types/fields.js';
import { kvmFields } from './structs.js';

/** vm_list has no bound of its own; each VM costs a file. */
const MOST_VMS = 1 << 22;

/** KVM on a host: built in or a module. */
export class Kvm {
  readonly at: Resolved<typeof kvmFields>;
  /** Address of kvm_vm_fops, the mark of a VM's file; null when no symbol table kept it. */
  readonly vmFops: bigint | null;
  readonly #vmList: bigint | null;

  /** Throws `DumpError` when KVM is not loaded. */
  constructor(readonly host: Host) {
    const find = symbolsOf(host);
    this.vmFops = find('kvm_vm_fops');
    this.#vmList = find('vm_list');
    this.at = resolve(host.types, { kvm: kvmFields }).kvm;
  }

  /** Address of every struct kvm of the host, the newest VM first; null when vm_list is not known. */
  *all(): Generator<bigint> {
    if (this.#vmList === null) return;
    for (const link of listLinks(this.host.memory, this.#vmList, MOST_VMS, 'vm_list'))
      yield link - BigInt(this.at.vmList.offset);
  }
}

/** KVM's own symbols: of its module, or of the kernel it is built into. */
function symbolsOf({ memory, types, symbols, release }: Host): (name: string) => bigint | null {
  const modules = symbols.get('modules');
  const module = modules === undefined ? null : findModule(memory, types, modules, 'kvm');
  if (module !== null) {
    const table = during('module kvm', () => moduleSymbols(memory, types, module, 'kvm'));
    return (name) => table.find(name);
  }
  const builtIn = ['kvm_vm_fops', 'vm_list'].some((name) => symbols.get(name) !== undefined);
  if (!builtIn) throw new DumpError(`kernel ${release}: KVM is not loaded, this host ran no VM`);
  return (name) => symbols.get(name) ?? null;
}

/** The struct kvm at an address, as bytes. */
export const readKvm = (kvm: Kvm, address: bigint) => readOf(kvm.host.memory, address, kvm.at.bytes, 'struct kvm');
