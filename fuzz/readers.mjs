// SPDX-License-Identifier: Apache-2.0
// Finds out which part of the program reads a frame of a dump.

/** @import { OpenOptions } from '#internal' */

/** The readers of each frame. @typedef {Map<number, Set<string>>} Readers */

export const PROCESS_TABLES = "the process's page tables";
export const MEMSLOTS = 'memslots';
export const FILES = 'files';
export const STRUCTS = 'struct kvm, mm_struct';
export const OWNERS = 'page tables of all processes';
export const REVERSE = 'the reverse map';
export const GUEST_TABLES = "the guest's page tables";
export const GUEST_KERNEL = "the guest's kernel";
export const GUEST_KERNEL_TABLES = "page tables of the guest's kernel";
export const GUEST_TASKS = "the guest's processes";
export const GUEST_LOG = "the guest's log";
export const GUEST_MEMORY = "the guest's memory";
export const KVM_TABLES = "KVM's page tables";
export const LOG = "the kernel's log";
const ARGUMENTS = 'command lines';
export const REGISTERS = 'registers';
const BACKING = 'mappings below slots';
const NODES = 'NUMA nodes';
const PROPERTIES = 'module, type and number of vCPUs';

/** Readers of what is shown as it is: no address of an answer depends on it. @type {ReadonlySet<string>} */
export const CONTENTS = new Set([ARGUMENTS, REGISTERS, BACKING, NODES, PROPERTIES]);

/**
 * Kinds of readers, by functions on the call stack; the first match counts.
 *
 * @type {[string, RegExp][]}
 */
const READERS = [
  [PROCESS_TABLES, /PageWalker\.walk PageLookup\.find .*(?:Guest|Mm)Space\.bytes/],
  [GUEST_TABLES, /PageContents\.of .*GuestWalker\.walk/],
  [GUEST_KERNEL_TABLES, /PageContents\.of .*GuestReader\..*PageWalker\.walk/],
  [GUEST_LOG, /PageContents\.of .*GuestReader\..* (?:ringMessages|Ring\.)/],
  [GUEST_TASKS, /PageContents\.of .*GuestReader\..* (?:Tasks\.|findProcess|readMm)/],
  [GUEST_KERNEL, /PageContents\.of .*GuestReader\./],
  [GUEST_MEMORY, /PageContents\.of /],
  ["the kernel's page tables", /PageWalker\.walk .*KernelMemory\.frameOf/],
  [ARGUMENTS, / argumentsOfVm /],
  [PROCESS_TABLES, /PageWalker\.walk .*(?:GuestTranslator\.translate|PageRuns)/],
  [OWNERS, /PageWalker\.walk .*TableScan/],
  [REVERSE, / ReverseMap\./],
  [LOG, / (?:ringMessages|Ring\.)/],
  [KVM_TABLES, / (?:#leavesOf|SecondLevel\.)/],
  [REGISTERS, / VcpuReader/],
  [BACKING, / backingOf /],
  [NODES, / NodeMap/],
  [PROPERTIES, / (?:vcpusOf|typeOf|vendorModule) /],
  [MEMSLOTS, /Vm\.slots/],
  [FILES, /Files\./],
  ['tasks and pids', /Tasks\./],
  ['modules', /findModule|moduleSymbols|ModuleSymbols/],
  ['kallsyms', /Kallsyms|SortedNames|CompressedNames/],
  [STRUCTS, / (?:KvmVm|readKvm|readMm) /],
  ['vm_list', / listedVms /],
  ['vCPUs', / listVcpus /],
  ['swap areas', / Swap\./],
  ['mappings', / WalkMeaning\./],
];
const DEPTH = 60;
/** A frame that is read more often is not looked at any more. */
const MOST_READS = 200;

/** The kind of reader that called this function. */
export function whoReads() {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = limit;
  const names = stack.replace(/\n *at (?:new |async |Object\.)?([^ \n]*)[^\n]*/g, ' $1');
  return READERS.find(([, pattern]) => pattern.test(names))?.[0] ?? 'others';
}

/** Collects the readers of each frame. */
export class ReaderLog {
  /** @type {Readers} */
  readers = new Map();
  /** @type {Map<number, number>} */
  #reads = new Map();

  /** Called before a frame is read. */
  onFrame = (/** @type {number} */ frame) => {
    const reads = this.#reads.get(frame) ?? 0;
    if (reads >= MOST_READS) return;
    this.#reads.set(frame, reads + 1);
    const known = this.readers.get(frame) ?? new Set();
    this.readers.set(frame, known.add(whoReads()));
  };
}

/**
 * For `openDump`: calls `onFrame` before each frame that is read.
 *
 * @param {(frame: number) => void} onFrame
 * @returns {NonNullable<OpenOptions['watch']>}
 */
export const watching = (onFrame) => (image) => ({
  frame: (frame) => {
    onFrame(frame);
    return image.frame(frame);
  },
  why: (frame) => image.why(frame),
  get limit() {
    return image.limit;
  },
});
