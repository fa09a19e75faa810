// SPDX-License-Identifier: Apache-2.0
/// <reference lib="esnext.disposable" preserve="true" />
import { OwnerSearch } from '../commands/owner-search.js';
import { PageRow } from '../commands/page-row.js';
import type { SlotRow } from '../commands/slots.js';
import type { VcpuRow } from '../commands/vcpus.js';
import type { VmRow } from '../commands/vms.js';
import { selectVm } from '../kvm/select.js';
import type { OpenDump } from '../open.js';
import { type ProcessChoice, processOf, type VmChoice, vmOf, type WhichSlots, type WhichVms } from './choice.js';
import { Lifetime } from './lifetime.js';
import { checkOptions } from './options.js';
import { type Addresses, checkedPieces, type OwnedPage, ownersOf } from './owner.js';
import { framesOf, type HostPage, pagesOf } from './page.js';
import { Physical } from './physical.js';
import { type CommandRows, Rows, rowsOf } from './rows.js';
import { Vm } from './vm.js';

/** The build of a kernel. */
export interface Kernel {
  /** The release, in the form that `uname -r` prints. */
  readonly release: string;
  /** Number and date of the build, in the form that `uname -v` prints. */
  readonly version: string;
  /** Hexadecimal digits; null if the kernel does not have one. */
  readonly buildId: string | null;
}

/** An opened dump of a host. */
export class Dump {
  /** The kernel that crashed. */
  readonly kernel: Kernel;
  /** The physical memory of the machine. */
  readonly physical: Physical;
  readonly #opened: OpenDump;
  readonly #lifetime = new Lifetime();

  private constructor(opened: OpenDump) {
    const { release, version, buildId } = opened.host.identity;
    this.kernel = { release, version, buildId };
    this.physical = Physical.of(opened.memory, this.#lifetime);
    this.#opened = opened;
  }

  /** @internal */
  static of(opened: OpenDump): Dump {
    return new this(opened);
  }

  /** The VMs of the host, or those that `which` selects: the rows of the command `vms`. */
  vms(which: WhichVms = {}): Rows<VmRow> {
    return this.rows('vms', which);
  }

  /** The memslots of all VMs, or of those that `which` selects: the rows of the command `slots`. */
  slots(which: WhichSlots = {}): Rows<SlotRow> {
    return this.rows('slots', which);
  }

  /**
   * The vCPUs of all VMs, or of those that `which` selects, and their registers: the rows of the command `vcpus`. If the
   * dump of an AMD host does not have the types of module kvm_amd, some registers are known only if the dump was opened
   * with `needs: 'vcpus'`, and files with these types were found.
   */
  vcpus(which: WhichVms = {}): Rows<VcpuRow> {
    return this.rows('vcpus', which);
  }

  /**
   * What the physical pages are that hold `length` bytes from a host physical address (HPA) on: the rows of the command
   * `page`. A range ends where the memory of the machine ends. Throws `UsageError` for anything but a bigint or an exact
   * number that is not negative, and for an address that no machine has.
   */
  pages(address: bigint | number, length = 1): Rows<HostPage> {
    this.#lifetime.check();
    const { first, end } = framesOf(address, length);
    const { host, image } = this.#opened;
    return Rows.of(function* () {
      return yield* pagesOf(new PageRow(host, image), first, end);
    }, this.#lifetime);
  }

  /**
   * Which VMs and processes have the physical pages that hold `length` bytes from a host physical address (HPA) on, or from
   * each of several: the rows of the command `owner`. All page tables are searched once, for all addresses together. Throws
   * `UsageError` as `pages` does, and if the dump was opened with `needs: 'host'`.
   */
  owners(addresses: Addresses, length = 1): Rows<OwnedPage> {
    this.#lifetime.check();
    const pieces = checkedPieces(addresses, length);
    const { host, image } = this.#opened;
    return Rows.of(function* () {
      return yield* ownersOf(new OwnerSearch(host, image, host.log), pieces);
    }, this.#lifetime);
  }

  /**
   * Selects one VM. Without a process, or with null, it is the only VM of the dump, or the VM with its struct kvm at the
   * address `vm`. Throws `UsageError` if not exactly one VM matches; its `choices` are
   * the VMs. Throws `DumpError` if the
   * dump does not contain the process or the VM, or if they cannot be read.
   */
  vm(process: ProcessChoice | null = null, options: { readonly vm?: VmChoice | null } = {}): Vm {
    this.#lifetime.check();
    checkOptions(options, { vm: null });
    return Vm.of(selectVm(this.#opened.host, processOf(process), vmOf(options.vm)), this.#lifetime);
  }

  /** The rows of the command with this name. */
  rows<Name extends keyof CommandRows>(
    name: Name,
    options: CommandRows[Name]['options'] = {},
  ): Rows<CommandRows[Name]['row']> {
    this.#lifetime.check();
    return rowsOf(name, options, { ...this.#opened, lifetime: this.#lifetime });
  }

  /**
   * Closes the files. Afterwards the methods of this object, and of all objects made from it, throw a `UsageError`; what they
   * returned before stays valid. Closing again does nothing.
   */
  close(): void {
    this.#lifetime.end();
    this.#opened.close();
  }

  /** Calls `close` at the end of a block with `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
