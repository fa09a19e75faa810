// SPDX-License-Identifier: Apache-2.0
// Finds out which part of the program reads a frame of a dump.

/** @import { OpenOptions } from '#internal' */

export const PROCESS_TABLES = "the process's page tables";
export const MEMSLOTS = 'memslots';
export const FILES = 'files';
export const STRUCTS = 'struct kvm, mm_struct';

/**
 * Kinds of readers, by functions on the call stack; the first match counts.
 *
 * @type {[string, RegExp][]}
 */
const READERS = [
  ["the kernel's page tables", /PageWalker\.walk .*KernelMemory\.frameOf/],
  [PROCESS_TABLES, /PageWalker\.walk .*GuestTranslator\.translate/],
  [MEMSLOTS, /Vm\.slots/],
  [FILES, /Files\./],
  ['tasks and pids', /Tasks\./],
  ['modules', /findModule|moduleSymbols|ModuleSymbols/],
  ['kallsyms', /Kallsyms|SortedNames|CompressedNames/],
  [STRUCTS, / Vm selectVm/],
];
const DEPTH = 60;

/** The kind of reader that called this function. */
export function whoReads() {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = DEPTH;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = limit;
  const names = stack.replace(/\n *at (?:new |async |Object\.)?([^ \n]*)[^\n]*/g, ' $1');
  return READERS.find(([, pattern]) => pattern.test(names))?.[0] ?? 'others';
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
