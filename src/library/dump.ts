// SPDX-License-Identifier: Apache-2.0
/// <reference lib="esnext.disposable" preserve="true" />
import type { SlotRow } from '../commands/slots.js';
import type { VmRow } from '../commands/vms.js';
import { selectVm } from '../kvm/select.js';
import type { OpenDump } from '../open.js';
import { type ProcessChoice, processOf, type VmChoice, vmOf, type WhichVms } from './choice.js';
import { Physical } from './physical.js';
import { type CommandRows, type Rows, rowsOf } from './rows.js';
import { Vm } from './vm.js';

/** Which build of a kernel a dump is of. */
export interface Kernel {
  /** As `uname -r` prints it. */
  readonly release: string;
  /** Number and date of the build, as `uname -v` prints them. */
  readonly version: string;
  /** Hexadecimal digits; null if the kernel does not have one. */
  readonly buildId: string | null;
}

/** An opened dump of a host. */
export class Dump {
  /** The kernel that crashed. */
  readonly kernel: Kernel;
  /** Physical memory of the machine. */
  readonly physical: Physical;
  readonly #opened: OpenDump;

  private constructor(opened: OpenDump) {
    const { release, version, buildId } = opened.host.identity;
    this.kernel = { release, version, buildId };
    this.physical = Physical.of(opened.memory);
    this.#opened = opened;
  }

  /** @internal */
  static of(opened: OpenDump): Dump {
    return new this(opened);
  }

  /** The VMs of the host, or those that are meant: the rows of the command `vms`. */
  vms(which: WhichVms = {}): Rows<VmRow> {
    return this.rows('vms', which);
  }

  /** The memslots of all VMs, or of those that are meant: the rows of the command `slots`. */
  slots(which: WhichVms = {}): Rows<SlotRow> {
    return this.rows('slots', which);
  }

  /**
   * One VM. Without a process, or with null, it is the only one of the dump, or the one whose struct kvm `vm` names. Throws
   * `UsageError` where none or several are meant, with those there are, and `DumpError` where the dump has no such process
   * or VM or does not show it.
   */
  vm(process: ProcessChoice | null = null, { vm }: { readonly vm?: VmChoice | null } = {}): Vm {
    return Vm.of(selectVm(this.#opened.host, processOf(process), vmOf(vm)));
  }

  /** The rows of a command, by its name. */
  rows<Name extends keyof CommandRows>(
    name: Name,
    options: CommandRows[Name]['options'] = {},
  ): Rows<CommandRows[Name]['row']> {
    return rowsOf(name, options, this.#opened);
  }

  /** Closes the files; what is read afterwards ends in a `UsageError`. To close again does nothing. */
  close(): void {
    this.#opened.close();
  }

  /** `close`, at the end of a block with `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
