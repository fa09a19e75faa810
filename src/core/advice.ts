// SPDX-License-Identifier: Apache-2.0
// What a caller can do about an error, as identifiers. Only cli/ knows the names of options and turns these into text.

/** A way out of an error: a file or value to supply, or another way to ask. */
export type Remedy =
  /** The kernel's vmlinux with debug information, of the same build. */
  | 'vmlinux'
  /** kvm.ko with debug information, of the same build. */
  | 'kvm-module'
  /** kvm-amd.ko with debug information, of the same build. */
  | 'kvm-amd-module'
  /** The kernel's System.map. */
  | 'system-map'
  /** A layout profile of the kernel. */
  | 'layout'
  /** A layout profile as the only source of types. */
  | 'layout-alone'
  /** Write the layout profile again with this version. */
  | 'rewrite-layout'
  /** The kernel's own types, BTF or DWARF, instead of a layout profile. */
  | 'kernel-types'
  /** The text of VMCOREINFO. */
  | 'vmcoreinfo'
  /** State the format of the dump; raw memory can't be recognised. */
  | 'input-format'
  /** All parts of a split dump. */
  | 'all-parts'
  /** Choose one of several VMs. */
  | 'vm'
  /** List the VMs. */
  | 'list-vms'
  /** Allow a file to be overwritten. */
  | 'force';

/** An argument of a question. Messages of the library write it without the hyphen. */
export type Argument = 'process' | 'address-space' | 'guest' | 'guest-process';

export const argumentName = (argument: Argument): string => argument.replaceAll('-', ' ');

/** What accompanies the text of a warning or an error. `DumpError` has this shape. */
export interface Advice {
  /** What the caller can do about it. */
  readonly remedies?: readonly Remedy[] | undefined;
}
