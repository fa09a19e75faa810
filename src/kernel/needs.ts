// SPDX-License-Identifier: Apache-2.0
// What must be known of a kernel, said by those who read it: a host is opened for a set of needs.
import type { Remedy } from '../core/advice.js';

/** A module of the kernel whose own types are wanted: it can have been built with other headers than the kernel. */
export interface NeededModule {
  /** As struct module names it. */
  readonly name: string;
  /** What messages call what it brings. */
  readonly title: string;
  /** Its file below /lib/modules/RELEASE. */
  readonly path: string;
  /** A structure that it defines. Where the kernel's own types describe it too, they serve without the module's. */
  readonly marker: string;
  /** A symbol that the kernel itself has where the module is built into it. */
  readonly builtIn: string;
  /** What to give where it is not described. */
  readonly remedy: Remedy;
}

export interface KernelNeeds {
  /** Structures that every kernel has: a source of types that lacks one of them is not whole, and others are looked for. */
  readonly structs: readonly string[];
  /** Structures without which nothing can be read; what messages call that which they describe. */
  readonly least: Readonly<Record<string, string>>;
  /** Symbols without which nothing is found: one of each group must be there. */
  readonly symbols: readonly (readonly string[])[];
  readonly modules: readonly NeededModule[];
  /** Ends of the names of source files whose units of debug information tend to define what is read. */
  readonly units: readonly string[];
}

/** Tasks, their files and memory, struct page. */
export const HOST_NEEDS: KernelNeeds = {
  structs: [
    'task_struct',
    'signal_struct',
    'pid',
    'files_struct',
    'fdtable',
    'file',
    'dentry',
    'mm_struct',
    'vm_area_struct',
    'page',
    'swap_info_struct',
    'module',
  ],
  least: { task_struct: 'tasks' },
  symbols: [['init_task']],
  modules: [],
  units: [
    'fs/file.c',
    'fs/namespace.c',
    'lib/maple_tree.c',
    'lib/xarray.c',
    'lib/radix-tree.c',
    'kernel/fork.c',
    'kernel/module.c',
    'kernel/module/sysfs.c',
  ],
};
