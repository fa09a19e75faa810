// SPDX-License-Identifier: Apache-2.0
import { pfnOf } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { type FrameSource, readOf } from '../core/memory.js';
import { printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import { VmCoreInfo } from '../notes/vmcoreinfo.js';
import { x86Form } from '../paging/form.js';
import { Symbols } from '../symbols/cache.js';
import { Kallsyms, type KallsymsTables } from '../symbols/kallsyms.js';
import { scanKallsyms } from '../symbols/kallsyms-scan.js';
import { GraphTypes } from '../types/graph.js';
import type { TypeSource } from '../types/source.js';
import { moduleBtf, vmlinuxBtf } from './btf.js';
import type { Host } from './host.js';
import { KernelMemory } from './memory.js';

/** Start of the kernel's text mapping in every version (arch/x86/include/asm/page_64_types.h). */
const START_KERNEL_MAP = 0xffffffff80000000n;
/** Most bytes of it (KERNEL_IMAGE_SIZE with CONFIG_RANDOMIZE_BASE). */
const KERNEL_IMAGE_SIZE = 0x40000000n;
/** Bytes of it that are searched at a time. */
const PIECE = 0x200000n;
/** Bytes of each of the six texts of struct new_utsname. */
const UTS_FIELD = 65;

/**
 * Opens the kernel of a dump with nothing beside it: notes, page tables, kallsyms, BTF, in this order. `frames` is the
 * image's memory, or something that looks on while it is read.
 */
export function openHost(image: DumpImage, frames: FrameSource, log: Log): Host {
  const info = vmcoreinfoOf(image);
  const release = printable(info.release ?? 'of unknown release');
  log.found(`${image.file.name}: ${image.reader.description}, kernel ${release}`);
  const memory = log.step('kernel page tables', () => openMemory(frames, info));
  const uts = checkedIdentity(image, memory, info, release);
  const kallsyms = log.step('kallsyms', () => openKallsyms(memory, info, release));
  const symbols = new Symbols(kallsyms);
  log.found(`symbols: ${kallsyms.count} in ${kallsyms.source}`);
  const types = log.step('types', () => openTypes(memory, symbols, release, log));
  log.found(`types: ${types.source}`);
  return { frames, memory, info, release, uts, types, symbols, log };
}

function vmcoreinfoOf(image: DumpImage): VmCoreInfo {
  const text = image.reader.vmcoreinfo;
  if (text !== null) return VmCoreInfo.of(text);
  throw new DumpError(`${image.file.name}: no VMCOREINFO in the dump`, {
    hint: "QEMU writes it for machines with '-device vmcoreinfo', makedumpfile and the kernel always",
  });
}

function openMemory(frames: FrameSource, info: VmCoreInfo): KernelMemory {
  const need = <T>(value: T | null, key: string): T => {
    if (value === null)
      throw new DumpError(`VMCOREINFO has no ${key}`, { hint: 'is this the dump of an x86-64 Linux?' });
    return value;
  };
  const physBase = need(info.number('phys_base'), 'NUMBER(phys_base)');
  const top = need(info.symbol('init_top_pgt') ?? info.symbol('swapper_pg_dir'), 'SYMBOL(swapper_pg_dir)');
  const levels = info.number('pgtable_l5_enabled') === 1n ? 5 : 4;
  const root = pfnOf(Number(top - START_KERNEL_MAP + physBase));
  return new KernelMemory(frames, x86Form(levels, encryptionBit(info)), root);
}

/** The memory encryption bit of page-table entries: none, or one of the address bits from 32 on. */
function encryptionBit(info: VmCoreInfo): bigint {
  const mask = info.number('sme_mask') ?? 0n;
  if (mask === 0n || (mask >= 1n << 32n && mask < 1n << 52n && (mask & (mask - 1n)) === 0n)) return mask;
  throw new DumpError(`VMCOREINFO: NUMBER(sme_mask)=${mask} is no single bit of an address`);
}

/**
 * The memory must be that of the kernel that the notes tell of: its init_uts_ns names the same release there. Notes of
 * another kernel (one booted before by kexec, a guest's) would lead to addresses that look right. The six texts found.
 */
function checkedIdentity(image: DumpImage, memory: KernelMemory, info: VmCoreInfo, release: string): readonly string[] {
  const namespace = info.symbol('init_uts_ns');
  if (namespace === null) return ['Linux', '', release, '', 'x86_64', ''];
  // Before 5.14 VMCOREINFO does not tell: there a 4-byte reference count stands in front.
  const name = namespace + BigInt(info.offset('uts_namespace.name') ?? 4);
  const bytes = readOf(memory, name, UTS_FIELD * 6, 'init_uts_ns');
  const uts = Array.from({ length: 6 }, (_, i) => bytes.text(i * UTS_FIELD, UTS_FIELD));
  if (uts[0] === 'Linux' && uts[2] === info.release) return uts;
  const found = printable(uts[2] ?? '');
  throw new DumpError(
    `${image.file.name}: VMCOREINFO tells of kernel ${release}, but memory has ${found} in its place`,
  );
}

/** The kernel's own symbols: where VMCOREINFO says they are, else by a scan of the kernel's image. */
function openKallsyms(memory: KernelMemory, info: VmCoreInfo, release: string): Kallsyms {
  const stext = info.symbol('_stext');
  if (stext === null) throw new DumpError(`kernel ${release}: VMCOREINFO has no SYMBOL(_stext)`);
  const tables = namedTables(info);
  if (tables !== null) return new Kallsyms(memory, tables, stext);
  for (const [from, to] of partsOfImage(info, stext)) {
    const found = scanKallsyms(memory, from, to, stext);
    if (found !== null) return found;
  }
  throw new DumpError(
    `kernel ${release}: its VMCOREINFO names no kallsyms tables, and a scan of its image found none`,
    {
      hint: 'is CONFIG_KALLSYMS off?',
    },
  );
}

function namedTables(info: VmCoreInfo): KallsymsTables | null {
  const table = (name: string) => info.symbol(`kallsyms_${name}`);
  const numSyms = table('num_syms');
  const names = table('names');
  const tokenTable = table('token_table');
  const tokenIndex = table('token_index');
  if (numSyms === null || names === null || tokenTable === null || tokenIndex === null) return null;
  const rest = { offsets: table('offsets'), relativeBase: table('relative_base'), addresses: table('addresses') };
  return { numSyms, names, tokenTable, tokenIndex, addresses: [rest] };
}

/**
 * The kernel's image in pieces, the likeliest first: its tables of symbols are read-only data, which ends where the
 * first symbol of data stands that VMCOREINFO names. Backwards from there, and at last what lies behind.
 */
function* partsOfImage(info: VmCoreInfo, stext: bigint): Generator<readonly [bigint, bigint]> {
  const data = info
    .symbols()
    .filter((address) => address > stext && address < START_KERNEL_MAP + KERNEL_IMAGE_SIZE)
    .sort((a, b) => (a < b ? -1 : 1));
  const [first = stext] = data;
  for (let to = first; to > stext; to -= PIECE) yield [to - PIECE > stext ? to - PIECE : stext, to];
  yield [first, data.at(-1) ?? first];
}

/**
 * The types of module kvm on top of vmlinux's. Most kernels' vmlinux describes KVM in full, built-in code includes its
 * headers; but a module that was built with other ones (a backport, another configuration) brings its own.
 */
function openTypes(memory: KernelMemory, symbols: Symbols, release: string, log: Log): TypeSource {
  const vmlinux = vmlinuxBtf(memory, symbols);
  if (vmlinux === null)
    throw new DumpError(`kernel ${release} brings no BTF (CONFIG_DEBUG_INFO_BTF)`, {
      hint: 'its types have to come from elsewhere, which this version can not read yet',
    });
  try {
    return new GraphTypes(moduleBtf(memory, symbols, vmlinux, 'kvm') ?? vmlinux);
  } catch (error) {
    if (!(error instanceof DumpError) || vmlinux.structure('kvm') === null) throw error;
    log.warn(`types: taken from vmlinux alone: ${error.message}`);
    return new GraphTypes(vmlinux);
  }
}
