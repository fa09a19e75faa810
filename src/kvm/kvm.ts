// SPDX-License-Identifier: Apache-2.0
import type { Advice } from '../core/advice.js';
import { DumpError, UsageError } from '../core/errors.js';
import { LazyBytes, type Readable } from '../core/lazy-bytes.js';
import { listFromBothEnds } from '../kernel/containers/list.js';
import type { Host } from '../kernel/host.js';
import { symbolsOfModule } from '../kernel/modules.js';
import { type Resolved, resolve } from '../types/fields.js';
import { unanswered } from '../types/source.js';
import { KVM_MODULE } from './needs.js';
import { kvmFields } from './structs.js';

/** Limit on the length of vm_list. The kernel has none except the number of open files. */
const MOST_VMS = 1 << 22;

/** The symbols of KVM. */
interface KvmSymbols {
  /** Address of a symbol; null if it is not known. */
  readonly find: (name: string) => bigint | null;
  /** Why they can't be read; null if that did not fail. */
  readonly unreadable: () => DumpError | null;
}

/** KVM on a host, built in or as a module. */
export class Kvm {
  readonly at: Resolved<typeof kvmFields>;
  /** Address of kvm_vm_fops, the f_op of a VM's file; null if no symbol table has it. */
  readonly vmFops: bigint | null;
  readonly #symbols: KvmSymbols;
  /** Address of vm_list; null if it is not known, undefined until it is needed. */
  #vmList: bigint | null | undefined;
  readonly #warnings = new Set<string>();

  /** Throws `DumpError` if KVM is not loaded, `UsageError` if the host was not opened with needs: 'kvm'. */
  constructor(readonly host: Host) {
    if (!host.needs.modules.includes(KVM_MODULE))
      throw new UsageError("the dump was opened without what reading VMs requires; open it with needs: 'kvm'");
    this.#symbols = symbolsOf(host);
    this.vmFops = this.#symbols.find('kvm_vm_fops');
    this.at = resolve(host.types, { kvm: kvmFields }).kvm;
  }

  /** Logs a warning, unless the same has been logged before: files, processes and VMs are read several times. */
  warn(text: string, advice?: Advice): void {
    if (this.#warnings.has(text)) return;
    this.#warnings.add(text);
    this.host.log.warn(text, advice);
  }

  /** Addresses of all struct kvm of the host, the newest VM first. Throws `DumpError` if vm_list is not known. */
  *all(): Generator<bigint> {
    if (this.#vmList === undefined) this.#vmList = this.#symbols.find('vm_list');
    const list = this.#vmList;
    if (list === null) {
      const why = this.#symbols.unreadable();
      throw new DumpError(`the VMs of this host can't be listed: ${why?.message ?? 'no symbol table has vm_list'}`, {
        code: why?.code ?? 'no-symbols',
      });
    }
    for (const link of listFromBothEnds(this.host.memory, list, MOST_VMS, 'vm_list'))
      yield link - BigInt(this.at.vmList.offset);
  }
}

/**
 * The symbols of KVM: those of its module, or of the kernel if it is built in. If those of the module can't be read, logs
 * a warning and finds none; VMs are then recognised in other ways.
 */
function symbolsOf(host: Host): KvmSymbols {
  const { symbols, release, log } = host;
  const modules = symbols.get('modules');
  let failure: DumpError | null = null;
  const unreadable = (): DumpError | null => failure;
  const ifReadable = <T>(ask: () => T | null): T | null => {
    try {
      return failure === null ? ask() : null;
    } catch (error) {
      if (!(error instanceof DumpError) || unanswered.has(error)) throw error;
      log.warn(`module kvm: its symbols can't be read: ${error.message}`, error);
      failure = error;
      return null;
    }
  };
  const table = modules === undefined ? null : ifReadable(() => symbolsOfModule(host, modules, KVM_MODULE.name));
  if (table !== null || unreadable() !== null)
    return { find: (name) => ifReadable(() => table?.find(name) ?? null), unreadable };
  if ([KVM_MODULE.builtIn, 'vm_list'].some((name) => symbols.get(name) !== undefined))
    return { find: (name) => symbols.get(name) ?? null, unreadable };
  if (modules !== undefined)
    throw new DumpError(`kernel ${release}: KVM is not loaded, so the host did not run VMs`, { code: 'no-kvm' });
  throw new DumpError(`kernel ${release}: no symbol table has 'modules', without which the module kvm can't be found`, {
    code: 'no-symbols',
    remedies: ['system-map', 'vmlinux'],
  });
}

/** The bytes of the struct kvm at an address. It spans several pages; only those with the members that are read are needed. */
export const readKvm = (kvm: Kvm, address: bigint): Readable =>
  LazyBytes.of(kvm.host.memory, address, kvm.at.bytes, 'struct kvm');
