// SPDX-License-Identifier: Apache-2.0
export const PROCESS_TABLES = "the process's page tables";

/** Who reads a page, by the functions above the read; the first that fits. */
const READERS = [
  ["the kernel's page tables", /PageWalker\.walk .*KernelMemory\.frameOf/],
  [PROCESS_TABLES, /PageWalker\.walk .*Road\.translate/],
  ['memslots', /Vm\.slots/],
  ['files', /Files\./],
  ['tasks and pids', /Tasks\./],
  ['modules', /findModule|moduleSymbols|ModuleSymbols/],
  ['kallsyms', /Kallsyms|SortedNames|CompressedNames/],
  ['struct kvm, mm_struct', / Vm selectVm/],
];

/** What is being read where this is called from. */
export function whoReads() {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const stack = new Error().stack.replace(/\n *at (?:new |async |Object\.)?([^ \n]*)[^\n]*/g, ' $1');
  Error.stackTraceLimit = limit;
  return READERS.find(([, pattern]) => pattern.test(stack))?.[0] ?? 'others';
}
