// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import type { Memory } from '../core/memory.js';
import { isUnreadable } from '../core/memory.js';
import type { SymbolTable } from '../symbols/table.js';

const LONGEST_TEXT = 512;
/** Part of the version magic of kernels with shuffled structures (include/linux/vermagic.h, CONFIG_RANDSTRUCT). */
const MARK = 'RANDSTRUCT_';

/** What is said of such a kernel. */
export const shuffled = (what: string): DumpError =>
  new DumpError(
    `${what} has structures in random order (CONFIG_RANDSTRUCT), and gcc's debug information tells the order before`,
    {
      code: 'no-types',
      hint: 'no offset in it, or in BTF made of it, is right',
      remedies: ['layout-alone'],
    },
  );

/** Whether a version magic is of a kernel whose structures were shuffled. */
export const isShuffled = (magic: string): boolean => magic.includes(MARK);

/**
 * Throws `DumpError` for a kernel whose structures a plugin of gcc shuffled: gcc writes down their order as it was
 * declared. (clang, which shuffles them itself, writes down the true one.)
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
