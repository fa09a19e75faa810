// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { isUnreadable, type Memory } from '../core/memory.js';
import { printable } from '../core/text.js';
import type { KernelIdentity } from '../kernel/host.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { SymbolTable } from '../symbols/table.js';
import { START_KERNEL_MAP } from './bootstrap.js';

const LONGEST_BANNER = 512;

/** The error for a file that is from another build of a kernel or module; `differs` says what differs. */
export const otherBuild = (name: string, differs: string): DumpError =>
  new DumpError(`${name} is from another build: ${differs}`, {
    code: 'other-build',
    hint: 'offsets of another build give wrong addresses',
  });

/** The name of the kernel's top page table in VMCOREINFO may be a macro (arch/x86/include/asm/pgtable_64.h). */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  swapper_pg_dir: ['init_top_pgt', 'init_level4_pgt'],
  init_top_pgt: ['swapper_pg_dir', 'init_level4_pgt'],
};

/** What is known from the dump to check a symbol table from outside. */
export interface Known {
  readonly info: VmCoreInfo;
  readonly kernel: KernelIdentity;
  readonly memory: Memory;
  /** The kernel's own table; null if it has none. */
  readonly own: SymbolTable | null;
}

/**
 * Throws `DumpError` unless a table agrees with all symbols in VMCOREINFO. A System.map does not record its build. So a
 * sample of its functions must have the same addresses in the kernel's own table; without such a table, the kernel's
 * banner must be in memory at the address that the map gives.
 */
export function checkTable(table: SymbolTable, known: Known): void {
  for (const [name, address] of known.info.symbols()) {
    // A lower value is not the symbol's address, but what a variable points to (SYMBOL(mem_section)).
    if (address < START_KERNEL_MAP) continue;
    const found = addressOf(table, name);
    if (found !== null) compare(table, name, found, address);
  }
  if (table.sample === undefined) return;
  const { own } = known;
  // A name that can't be read in the kernel's own table shows nothing.
  const both =
    own === null ? [] : table.sample().map(([name, at]) => [name, at, orNull(() => own.find(name))] as const);
  for (const [name, found, address] of both) if (address !== null) compare(table, name, found, address);
  if (!both.some(([, , address]) => address !== null)) checkBanner(table, known);
}

function addressOf(table: SymbolTable, name: string): bigint | null {
  for (const each of [name, ...(ALIASES[name] ?? [])]) {
    const address = table.find(each);
    if (address !== null) return address;
  }
  return null;
}

function compare(table: SymbolTable, name: string, found: bigint, address: bigint): void {
  if (found !== address)
    throw otherBuild(table.source, `it puts ${name} at 0x${found.toString(16)}, the dump at 0x${address.toString(16)}`);
}

function checkBanner(table: SymbolTable, { memory, kernel }: Known): void {
  const address = table.find('linux_banner');
  if (address === null)
    throw new DumpError(`${table.source}: it has no linux_banner, so its build can't be checked`, {
      code: 'wrong-file',
      hint: 'give the complete System.map',
    });
  const bytes = memory.read(address, LONGEST_BANNER);
  if (isUnreadable(bytes))
    throw new DumpError(`${table.source}: its build can't be checked: linux_banner: ${bytes.message}`, {
      code: 'not-in-dump',
    });
  const text = printable(bytes.text().trim());
  if (!isBannerOf(bytes.text().trim(), kernel))
    throw otherBuild(table.source, `where it puts linux_banner, the dump has "${text}"`);
}

/** Whether a banner ("Linux version …") is that of a kernel: same release, build number and build date. */
export const isBannerOf = (banner: string, { release, version }: KernelIdentity): boolean =>
  version !== '' && banner.includes(` ${release} `) && banner.includes(version);
