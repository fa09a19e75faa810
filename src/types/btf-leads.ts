// SPDX-License-Identifier: Apache-2.0
/** A member of a structure. */
export interface Lead {
  readonly structure: string;
  readonly member: string;
}

/**
 * Structures that are far from the start of the BTF of many kernels, and members that lead to them, of structures that are needed before
 * (include/linux/sched.h, fdtable.h, kvm_host.h). A kernel in which a member does not lead there costs time only.
 */
export const LEADS: ReadonlyMap<string, Lead> = new Map([
  ['files_struct', { structure: 'task_struct', member: 'files' }],
  ['fdtable', { structure: 'files_struct', member: 'fdt' }],
  ['interval_tree_node', { structure: 'kvm_memory_slot', member: 'hva_node' }],
]);
