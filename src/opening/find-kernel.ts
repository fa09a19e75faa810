// SPDX-License-Identifier: Apache-2.0
// Finds a kernel in memory without VMCOREINFO: by page tables that map its image, and by the kallsyms in the image.
import { PAGE_SIZE, type Pfn, pfn, vpnOf } from '../core/address.js';
import { DumpError, orNull } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { type FrameSource, readOf } from '../core/memory.js';
import { occurrences } from '../core/memory-search.js';
import type { DumpImage } from '../dump/image.js';
import { CR3, CR4, QEMU_NOTE } from '../elf/qemu-note.js';
import { KernelMemory } from '../kernel/memory.js';
import { VmCoreInfo } from '../notes/vmcoreinfo.js';
import { PRESENT, PSE, x86Form } from '../paging/form.js';
import { PageWalker, Walk } from '../paging/walker.js';
import type { Kallsyms } from '../symbols/kallsyms.js';
import { scanKallsyms } from '../symbols/kallsyms-scan.js';
import { checkedIdentity, KERNEL_IMAGE_SIZE, LONGEST_IMAGE, openMemory, START_KERNEL_MAP } from './bootstrap.js';
import { everyPage } from './every-page.js';

/** The image begins at a multiple of this (CONFIG_PHYSICAL_ALIGN), and is mapped by pages of this size. */
const ALIGN = 0x200000n;
/** Address that vmlinux is linked to (CONFIG_PHYSICAL_START, the same in all distributions). */
const LINKED = START_KERNEL_MAP + 0x1000000n;
/** Page tables that must agree to end the search. With fewer, the majority is taken; init_uts_ns is checked anyway. */
const ENOUGH = 4;
const LA57 = 0x1000;
/** Level of the tables whose entries cover 2 MiB. */
const PMD = 1;

const GIVE_INFO = { code: 'no-kernel', remedies: ['vmcoreinfo'] } as const;

/** The top page table of a kernel, and the virtual address (`text`) and phys_base of its image. */
interface Found {
  readonly root: Pfn;
  readonly levels: 4 | 5;
  readonly text: bigint;
  readonly physBase: bigint;
}

/**
 * A substitute for VMCOREINFO with the values that are needed. Throws `DumpError` if no page table leads to a kernel,
 * or if the kernel has no kallsyms.
 */
export function findKernel(image: DumpImage, frames: FrameSource, log: Log): VmCoreInfo {
  const found = byProcessors(image, frames) ?? byTables(image, frames, log);
  if (found === null)
    throw new DumpError(`${image.name}: no VMCOREINFO in the dump, and no kernel page tables were found`, GIVE_INFO);
  const memory = new KernelMemory(frames, x86Form(found.levels), found.root);
  const symbols = kallsymsOf(memory, found.text);
  if (symbols === null)
    throw new DumpError(
      `${image.name}: no VMCOREINFO in the dump, and no kallsyms in the kernel at 0x${found.text.toString(16)}`,
      GIVE_INFO,
    );
  return infoOf(image, frames, found, memory, symbols);
}

/**
 * VMCOREINFO of the kernel that a processor's page tables map: the text that it keeps, which its symbols lead to. It is found
 * without reading all memory. Null if no processor's tables lead to a kernel with such a text.
 */
export function infoByProcessors(image: DumpImage, frames: FrameSource): VmCoreInfo | null {
  const found = byProcessors(image, frames);
  if (found === null) return null;
  const memory = new KernelMemory(frames, x86Form(found.levels), found.root);
  return orNull(() => {
    const symbols = kallsymsOf(memory, found.text);
    const text = symbols === null ? null : keptInfo(memory, symbols);
    if (text === null) return null;
    const info = new VmCoreInfo(text);
    const { release } = info;
    if (release === null) return null;
    checkedIdentity(image, openMemory(frames, info, null), info, release);
    return info;
  });
}

/** Start of the text. */
const FIRST_KEY = 'OSRELEASE=';

/** The text of vmcoreinfo_data: a pointer to a page of vmcoreinfo_size bytes, or up to v4.11 an array (kernel/crash_core.c). */
function keptInfo(memory: KernelMemory, symbols: Kallsyms): string | null {
  const [data, size] = [symbols.find('vmcoreinfo_data'), symbols.find('vmcoreinfo_size')];
  if (data === null || size === null) return null;
  const length = Number(readOf(memory, size, 8, 'vmcoreinfo_size').u64(0));
  if (length > PAGE_SIZE) return null;
  const start = readOf(memory, data, FIRST_KEY.length, 'vmcoreinfo_data');
  const at = start.text() === FIRST_KEY ? data : start.u64(0);
  const text = readOf(memory, at, length, 'VMCOREINFO').text();
  return text.startsWith(FIRST_KEY) ? text : null;
}

function infoOf(
  image: DumpImage,
  frames: FrameSource,
  found: Found,
  memory: KernelMemory,
  symbols: Kallsyms,
): VmCoreInfo {
  const need = (...names: string[]): bigint => {
    const address = names.map((name) => symbols.find(name)).find((each) => each !== null);
    if (address !== undefined) return address;
    throw new DumpError(
      `${image.name}: no VMCOREINFO in the dump, and its kallsyms lacks ${names.join(' and ')}`,
      GIVE_INFO,
    );
  };
  const symbol = (name: string, address: bigint): string => `SYMBOL(${name})=${address.toString(16)}`;
  const release = releaseOf(memory, need('linux_banner'));
  const namespace = need('init_uts_ns');
  const info = new VmCoreInfo(
    [
      `OSRELEASE=${release}`,
      symbol('_stext', need('_stext')),
      symbol('init_uts_ns', namespace),
      `OFFSET(uts_namespace.name)=${nameIn(memory, namespace)}`,
      symbol('swapper_pg_dir', need('init_top_pgt', 'swapper_pg_dir', 'init_level4_pgt')),
      ...tableLines(symbols),
      `NUMBER(phys_base)=${found.physBase}`,
      `NUMBER(pgtable_l5_enabled)=${found.levels === 5 ? 1 : 0}`,
      `KERNELOFFSET=${(found.text - LINKED).toString(16)}`,
    ].join('\n'),
  );
  checkedIdentity(image, openMemory(frames, info, null), info, release);
  return info;
}

/** Lines for the tables of kallsyms, as in VMCOREINFO since 6.0. */
function tableLines({ tables }: Kallsyms): string[] {
  const { numSyms, names, tokenTable, tokenIndex, addresses } = tables;
  const [{ offsets, relativeBase, addresses: plain } = { offsets: null, relativeBase: null, addresses: null }] =
    addresses;
  const parts = { num_syms: numSyms, names, token_table: tokenTable, token_index: tokenIndex };
  const all = { ...parts, offsets, relative_base: relativeBase, addresses: plain };
  return Object.entries(all).flatMap(([name, at]) =>
    at === null ? [] : [`SYMBOL(kallsyms_${name})=${at.toString(16)}`],
  );
}

/** Offset of the names in struct uts_namespace: up to 5.13, a reference count comes first. */
function nameIn(memory: KernelMemory, namespace: bigint): number {
  const bytes = readOf(memory, namespace, 16, 'init_uts_ns');
  return bytes.text(0, 6) === 'Linux' ? 0 : 4;
}

function releaseOf(memory: KernelMemory, banner: bigint): string {
  const [hit] = occurrences(memory, banner, banner + 1n, Buffer.from('Linux version '));
  const text = hit === undefined ? null : memory.read(hit, 256);
  const release = text === null || 'reason' in text ? null : /^Linux version (\S+) /.exec(text.text())?.[1];
  if (release === null || release === undefined)
    throw new DumpError('linux_banner is not at the address that kallsyms gives', GIVE_INFO);
  return release;
}

/**
 * The symbol table in an image. It is read-only data, so what the processor may execute, which is most of an image, is only
 * searched if the rest does not have it: a kernel can map all of its image as executable (rodata=off).
 */
function kallsymsOf(memory: KernelMemory, text: bigint): Kallsyms | null {
  const anchor = { name: '_text', address: text } as const;
  const code: bigint[] = [];
  const data: bigint[] = [];
  for (let from = text; from < text + LONGEST_IMAGE; from += ALIGN)
    if (typeof memory.frameOf(from) === 'number') (memory.isExecutable(from) ? code : data).push(from);
  const places = [...data, ...code].map((from) => [from, from + ALIGN] as const);
  return scanKallsyms(memory, places, anchor);
}

/**
 * Finds the kernel by the processors' registers, which dumps made by QEMU have in their notes. With page-table isolation, a
 * processor can be using the user's top table, which does not map the kernel's image, and follows the kernel's.
 */
function byProcessors(image: DumpImage, frames: FrameSource): Found | null {
  for (const { name, desc } of image.reader.notes) {
    if (name !== QEMU_NOTE || desc.length < CR4 + 8) continue;
    const cr3 = desc.u53(CR3) % 2 ** 52;
    const root = Math.floor(cr3 / PAGE_SIZE);
    const levels = (desc.u32(CR4) & LA57) === 0 ? 4 : 5;
    const found =
      imageOf(frames, pfn(root), levels) ?? (root % 2 === 0 ? null : imageOf(frames, pfn(root - 1), levels));
    if (found !== null) return found;
  }
  return null;
}

/** Finds the kernel by taking each page for a top table. The top table of each process maps the kernel: most agree. */
function byTables(image: DumpImage, frames: FrameSource, log: Log): Found | null {
  const votes = new Map<string, Found[]>();
  for (const frame of everyPage(image, log)) {
    for (const levels of [5, 4] as const) {
      const found = looksLikeTop(frames.frame(frame)) ? imageOf(frames, frame, levels) : null;
      if (found === null) continue;
      const key = `${levels} ${found.text} ${found.physBase}`;
      const same = [...(votes.get(key) ?? []), found];
      votes.set(key, same);
      if (same.length === ENOUGH) return found;
      break;
    }
  }
  return [...votes.values()].sort((a, b) => b.length - a.length)[0]?.[0] ?? null;
}

/** Whether the entry for the kernel's image points to a table. */
function looksLikeTop(page: DataView | null): boolean {
  const entry = page?.getUint32(511 * 8, true) ?? 0;
  return (entry & PRESENT) !== 0 && (entry & PSE) === 0;
}

/** The kernel's image that these tables map: it begins at the first mapped address of the range for the image. */
function imageOf(frames: FrameSource, root: Pfn, levels: 4 | 5): Found | null {
  const walker = new PageWalker(frames, x86Form(levels));
  for (let text = START_KERNEL_MAP; text < START_KERNEL_MAP + KERNEL_IMAGE_SIZE; text += ALIGN) {
    const status = walker.walk(root, vpnOf(text));
    if (status !== Walk.Mapped) {
      // The range is 1 GiB. Most pages are not page tables and end here, after a look at one address of it.
      if (walker.level > PMD || (walker.level === PMD && status === Walk.TableMissing)) return null;
      continue;
    }
    const { frame } = walker;
    const physBase = BigInt(frame) * BigInt(PAGE_SIZE) - (text - START_KERNEL_MAP);
    return frame % 512 === 0 && frames.frame(frame) !== null ? { root, levels, text, physBase } : null;
  }
  return null;
}
