// SPDX-License-Identifier: Apache-2.0
import type { BtfOptions } from './btf.js';
import type { KallsymsForm } from './kallsyms.js';

export const RELEASE = '9.9.9-synthetic';
/** uts version. */
export const VERSION = '#7 SMP synthetic';
export const BANNER = `Linux version ${RELEASE} (us@here) (gcc) ${VERSION}\n`;

export interface HostOptions {
  readonly levels?: 4 | 5;
  readonly kaslr?: bigint;
  readonly physBase?: bigint;
  readonly smeMask?: bigint;
  readonly kallsyms?: KallsymsForm;
  readonly types?: string;
  /** No table of symbols anywhere (CONFIG_KALLSYMS off). */
  readonly noKallsyms?: boolean;
  /** kallsyms has functions alone (CONFIG_KALLSYMS_ALL off). */
  readonly textSymbols?: boolean;
  /** Frames of the machine. */
  readonly limit?: number;
  /** Hexadecimal digits of the build-id in the kernel's notes. */
  readonly buildId?: string;
  readonly banner?: string;
  /** Module kvm's own table has no data, as without CONFIG_KALLSYMS_ALL. */
  readonly noVmSymbols?: boolean;
  /** What modules have to fit (VERMAGIC_STRING). */
  readonly vermagic?: string;
  /** The same of module kvm, in its struct module. */
  readonly kvmBuildId?: string;
  /** VMCOREINFO names no kallsyms tables, as before Linux 6.0. */
  readonly silent?: boolean;
  /** What the BTF says, where it shall not be what is there. */
  readonly btfTypes?: string;
  readonly btf?: BtfOptions;
  /** KVM's structures in the BTF of module kvm instead of vmlinux's. */
  readonly splitBtf?: boolean;
  /** With `splitBtf`: what vmlinux's BTF says, KVM's structures or none. */
  readonly vmlinuxTypes?: string;
  /** The symbols __start_BTF and __stop_BTF are missing (CONFIG_KALLSYMS_ALL off). */
  readonly noBtfSymbols?: boolean;
  /** No BTF at all. */
  readonly noBtf?: boolean;
  /** Modules: without kvm, KVM is built in or not there. */
  readonly kvm?: 'module' | 'built in' | 'absent';
  /** VMCOREINFO as before 4.10: the address of phys_base instead of its value, no KASLR, no levels. */
  readonly oldNotes?: boolean;
  readonly release?: string;
  /** What pids are hashed with. */
  readonly goldenRatio?: bigint;
  /** Length of swap_info: which swap types are real. */
  readonly swapFiles?: number;
  /** swap_info holds the structures themselves. */
  readonly swapStructs?: boolean;
  /** Length of zswap_trees, an array of as many elements. */
  readonly zswapTrees?: number;
  /** How many global functions it has. */
  readonly functions?: number;
  /** How many symbols nobody asks for. */
  readonly ballast?: number;
}
