// SPDX-License-Identifier: Apache-2.0
// Words for what a caller can do. Who talks to people turns them into text: cli/ alone knows the names of options.

/** What would help: something to give, or another way to ask. */
export type Remedy =
  /** The kernel's vmlinux with debug information, of the same build. */
  | 'vmlinux'
  /** kvm.ko with debug information, of the same build. */
  | 'kvm-module'
  /** The kernel's System.map. */
  | 'system-map'
  /** A layout profile of the kernel. */
  | 'layout'
  /** A layout profile as the only source of types. */
  | 'layout-alone'
  /** To write the layout profile again with this version. */
  | 'rewrite-layout'
  /** The kernel's own types, BTF or DWARF, in place of a layout profile. */
  | 'kernel-types'
  /** The text of VMCOREINFO. */
  | 'vmcoreinfo'
  /** To say which form the file has: raw memory looks like nothing. */
  | 'input-format'
  /** All parts of a dump that was split. */
  | 'all-parts'
  /** To choose one of several VMs. */
  | 'vm'
  /** To allow that a file is overwritten. */
  | 'force';

/** What is asked for, as messages of the library call it (`address-space` without the hyphen). */
export type Argument = 'process' | 'address-space';

export const argumentName = (argument: Argument): string => argument.replaceAll('-', ' ');

/** What belongs to a finding beside its text. A `DumpError` is one. */
export interface Advice {
  readonly remedies?: readonly Remedy[] | undefined;
}
