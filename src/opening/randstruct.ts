// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import type { Memory } from '../core/memory.js';
import { isUnreadable } from '../core/memory.js';
import type { SymbolTable } from '../symbols/table.js';

const LONGEST_TEXT = 512;
/** Part of the version magic of kernels with randomised structures (include/linux/vermagic.h, CONFIG_RANDSTRUCT). */
const MARK = 'RANDSTRUCT_';

/** The error for a kernel or module (`what`) with randomised structures. */
export const shuffled = (what: string): DumpError =>
  new DumpError(
    `${what} has structures in random order (CONFIG_RANDSTRUCT), but gcc's debug information has the original order`,
    {
      code: 'no-types',
      hint: 'offsets from it, or from BTF made from it, are wrong',
      remedies: ['layout-alone'],
    },
  );

/** Whether a version magic is that of a kernel with randomised structures. */
export const isShuffled = (magic: string): boolean => magic.includes(MARK);

/**
 * Throws `DumpError` for a kernel whose structures were randomised by the gcc plugin: gcc's debug information has the
 * order of the source. (clang, which randomises structures itself, records the real order.)
 */
export function checkOrder(memory: Memory, symbols: SymbolTable, release: string): void {
  const textOf = (name: string): string => {
    const address = orNull(() => symbols.find(name));
    const bytes = address === null ? null : memory.read(address, LONGEST_TEXT);
    return bytes === null || isUnreadable(bytes) ? '' : bytes.text();
  };
  if (isShuffled(textOf('vermagic')) && !/\((?:[^()]*\) \()?[^()]*clang version/.test(textOf('linux_banner')))
    throw shuffled(`kernel ${release}`);
}
