// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { isUnreadable, type Memory } from '../core/memory.js';
import { printable } from '../core/text.js';
import type { KernelIdentity } from '../kernel/host.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { SymbolTable } from '../symbols/table.js';
import { START_KERNEL_MAP } from './bootstrap.js';

const LONGEST_BANNER = 512;

/** What is said of a file that belongs to another kernel. */
export const otherBuild = (name: string, differs: string): DumpError =>
  new DumpError(`${name} is of another build: ${differs}`, {
    code: 'other-build',
    hint: 'offsets of another build give wrong addresses',
  });

/** VMCOREINFO calls the kernel's top page table by a name that can be a macro (arch/x86/include/asm/pgtable_64.h). */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  swapper_pg_dir: ['init_top_pgt', 'init_level4_pgt'],
  init_top_pgt: ['swapper_pg_dir', 'init_level4_pgt'],
};

/** What a dump knows of its kernel's symbols before a table from outside is believed. */
export interface Known {
  readonly info: VmCoreInfo;
  readonly kernel: KernelIdentity;
  readonly memory: Memory;
  /** The kernel's own table; null when it has none. */
  readonly own: SymbolTable | null;
}

/**
 * Throws `DumpError` unless a table agrees with every address that VMCOREINFO names. A System.map tells of no build, so
 * a sample of its functions must stand where the kernel's own table has them; without such a table the kernel's banner
 * must stand in memory where the map puts it.
 */
export function checkTable(table: SymbolTable, known: Known): void {
  for (const [name, told] of known.info.symbols()) {
    // Others are what a variable points at, in spite of their name (SYMBOL(mem_section)).
    if (told < START_KERNEL_MAP) continue;
    const found = addressOf(table, name);
    if (found !== null) compare(table, name, found, told);
  }
  if (table.sample === undefined) return;
  const { own } = known;
  const both = own === null ? [] : table.sample().map(([name, at]) => [name, at, own.find(name)] as const);
  for (const [name, found, told] of both) if (told !== null) compare(table, name, found, told);
  if (!both.some(([, , told]) => told !== null)) checkBanner(table, known);
}

function addressOf(table: SymbolTable, name: string): bigint | null {
  for (const each of [name, ...(ALIASES[name] ?? [])]) {
    const address = table.find(each);
    if (address !== null) return address;
  }
  return null;
}

function compare(table: SymbolTable, name: string, found: bigint, told: bigint): void {
  if (found !== told)
    throw otherBuild(table.source, `it puts ${name} at 0x${found.toString(16)}, the dump at 0x${told.toString(16)}`);
}

function checkBanner(table: SymbolTable, { memory, kernel }: Known): void {
  const address = table.find('linux_banner');
  if (address === null)
    throw new DumpError(`${table.source}: no linux_banner in it, so that nobody can tell whose it is`, {
      code: 'wrong-file',
      hint: 'give the whole System.map',
    });
  const bytes = memory.read(address, LONGEST_BANNER);
  if (isUnreadable(bytes))
    throw new DumpError(`${table.source}: whose it is can't be told: linux_banner, ${bytes.message}`, {
      code: 'not-in-dump',
    });
  const text = printable(bytes.text().trim());
  if (!isBannerOf(bytes.text().trim(), kernel))
    throw otherBuild(table.source, `where it puts linux_banner, the dump has "${text}"`);
}

/** Whether "Linux version …" is this kernel's: its release, and number and date of its build. */
export const isBannerOf = (banner: string, { release, version }: KernelIdentity): boolean =>
  version !== '' && banner.includes(` ${release} `) && banner.includes(version);
