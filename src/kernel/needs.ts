// SPDX-License-Identifier: Apache-2.0
// What must be known of a kernel to read it. A host is opened for a set of needs, stated by the code that reads it.
import type { Remedy } from '../core/advice.js';

/** A kernel module whose own types are needed: it may have been built with other headers than the kernel. */
export interface NeededModule {
  /** Name in struct module. */
  readonly name: string;
  /** Name for messages. */
  readonly title: string;
  /** Path of its file below /lib/modules/RELEASE. */
  readonly path: string;
  /** A structure that it defines. If the kernel's own types describe it too, they can be used without the module's. */
  readonly marker: string;
  /** A symbol that the kernel has if the module is built in. */
  readonly builtIn: string;
  /** The remedy if its types are missing. */
  readonly remedy: Remedy;
}

/** Structures, symbols and modules that are needed to read a kernel. */
export interface KernelNeeds {
  /** Structures that every kernel has. If one of them is missing, other sources of types are searched for. */
  readonly structs: readonly string[];
  /** Structures without which nothing can be read, each with the name for messages of what it describes. */
  readonly least: Readonly<Record<string, string>>;
  /** Symbols without which nothing can be found: one of each group is needed. */
  readonly symbols: readonly (readonly string[])[];
  readonly modules: readonly NeededModule[];
  /**
   * Modules of which a host has loaded some or none. Types that the dump lacks are searched for in other files if the
   * module is loaded; if there are none, what needs them is not answered.
   */
  readonly sought: readonly NeededModule[];
  /** Endings of the names of source files whose debug information is likely to define the structures. */
  readonly units: readonly string[];
}

/** The needs of reading a kernel's log: VMCOREINFO has all that leads to it. */
export const LOG_NEEDS: KernelNeeds = {
  structs: [],
  least: {},
  symbols: [],
  modules: [],
  sought: [],
  units: ['kernel/printk/printk.c'],
};

/** The needs of reading tasks, their files and memory, and struct page. */
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
  sought: [],
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
