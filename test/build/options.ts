// SPDX-License-Identifier: Apache-2.0
import type { BtfOptions } from './btf.js';
import type { KallsymsForm } from './kallsyms.js';

export const RELEASE = '9.9.9-synthetic';
/** Member `version` of uts_namespace. */
export const VERSION = '#7 SMP synthetic';
export const BANNER = `Linux version ${RELEASE} (us@here) (gcc) ${VERSION}\n`;

export interface HostOptions {
  readonly levels?: 4 | 5;
  readonly kaslr?: bigint;
  readonly physBase?: bigint;
  readonly smeMask?: bigint;
  readonly kallsyms?: KallsymsForm;
  readonly types?: string;
  /** No symbol table at all (CONFIG_KALLSYMS off). */
  readonly noKallsyms?: boolean;
  /** kallsyms has only functions (CONFIG_KALLSYMS_ALL off). */
  readonly textSymbols?: boolean;
  /** Number of frames of the machine. */
  readonly limit?: number;
  /** Hexadecimal digits of the build-id in the kernel's notes. */
  readonly buildId?: string;
  readonly banner?: string;
  /** The symbol table of module kvm has no data symbols, as without CONFIG_KALLSYMS_ALL. */
  readonly noVmSymbols?: boolean;
  /** The version magic that modules must match (VERMAGIC_STRING). */
  readonly vermagic?: string;
  /** Hexadecimal digits of the build-id of module kvm, in its struct module. */
  readonly kvmBuildId?: string;
  /** VMCOREINFO names no kallsyms tables, as before Linux 6.0. */
  readonly silent?: boolean;
  /** The structures in the BTF, if they are to differ from those in memory. */
  readonly btfTypes?: string;
  readonly btf?: BtfOptions;
  /** KVM's structures in the BTF of module kvm instead of vmlinux's. */
  readonly splitBtf?: boolean;
  /** What the BTF of module kvm describes instead. */
  readonly moduleTypes?: string;
  /** With `splitBtf`: the structures in vmlinux's BTF, with or without those of KVM. */
  readonly vmlinuxTypes?: string;
  /** The symbols __start_BTF and __stop_BTF are missing (CONFIG_KALLSYMS_ALL off). */
  readonly noBtfSymbols?: boolean;
  /** No BTF at all. */
  readonly noBtf?: boolean;
  /** How the kernel has KVM. */
  readonly kvm?: 'module' | 'built in' | 'absent';
  /** The vendor's module that is loaded, and the structures in its BTF; none if there is none. */
  readonly vendor?: { readonly name: string; readonly types?: string };
  /** VMCOREINFO as before 4.10: the address of phys_base instead of its value, no KASLR, no levels. */
  readonly oldNotes?: boolean;
  readonly release?: string;
  /** The factor of the pid hash. */
  readonly goldenRatio?: bigint;
  /** Length of swap_info: the number of types that are swap areas. */
  readonly swapFiles?: number;
  /** swap_info contains the structures instead of pointers. */
  readonly swapStructs?: boolean;
  /** Length of zswap_trees, which in real kernels has as many elements as swap_info. */
  readonly zswapTrees?: number;
  /** Number of global functions. */
  readonly functions?: number;
  /** Number of symbols that nothing looks up. */
  readonly ballast?: number;
}
