// SPDX-License-Identifier: Apache-2.0
import { pfnOf } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { type FrameSource, readOf } from '../core/memory.js';
import { printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import { KernelMemory } from '../kernel/memory.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import { x86Form } from '../paging/form.js';

/** Start of the mapping of the kernel's image, in all versions (arch/x86/include/asm/page_64_types.h). */
export const START_KERNEL_MAP = 0xffffffff80000000n;
/** Largest size of that mapping in bytes (KERNEL_IMAGE_SIZE with CONFIG_RANDOMIZE_BASE). */
export const KERNEL_IMAGE_SIZE = 0x40000000n;
/** Most bytes of an image; those of distributions take 40 to 100 MB. */
export const LONGEST_IMAGE = 0x10000000n;
/** Bytes of each of the six texts of struct new_utsname. */
const UTS_FIELD = 65;

/**
 * Kernel virtual memory, from the page tables that VMCOREINFO points to. `hint`: phys_base from the header of the dump.
 * Throws `DumpError` if VMCOREINFO lacks what is needed.
 */
export function openMemory(frames: FrameSource, info: VmCoreInfo, hint: bigint | null): KernelMemory {
  const need = <T>(value: T | null, key: string): T => {
    if (value === null)
      throw new DumpError(`VMCOREINFO has no ${key}`, {
        code: 'no-kernel',
        hint: 'is this the dump of an x86-64 Linux?',
      });
    return value;
  };
  const physBase = need(info.number('phys_base') ?? findPhysBase(frames, info, hint), 'NUMBER(phys_base)');
  const top = need(info.symbol('init_top_pgt') ?? info.symbol('swapper_pg_dir'), 'SYMBOL(swapper_pg_dir)');
  const levels = info.number('pgtable_l5_enabled') === 1n ? 5 : 4;
  const root = pfnOf(Number(top - START_KERNEL_MAP + physBase));
  return new KernelMemory(frames, x86Form(levels, encryptionBit(info)), root);
}

/** Mask of the memory encryption bit in page-table entries: 0, or one of the address bits from bit 32 on. */
function encryptionBit(info: VmCoreInfo): bigint {
  const mask = info.number('sme_mask') ?? 0n;
  if (mask === 0n || (mask >= 1n << 32n && mask < 1n << 52n && (mask & (mask - 1n)) === 0n)) return mask;
  throw new DumpError(`VMCOREINFO: NUMBER(sme_mask)=${mask} is not a single bit of an address`);
}

/**
 * Checks that the memory is that of the kernel that VMCOREINFO describes: init_uts_ns must have the same release. The
 * VMCOREINFO of another kernel (one that was booted earlier with kexec, or a guest's) would lead to addresses that look
 * right. Returns the six texts of struct new_utsname. Throws `DumpError` if the release differs.
 */
export function checkedIdentity(
  image: DumpImage,
  memory: KernelMemory,
  info: VmCoreInfo,
  release: string,
): readonly string[] {
  const namespace = info.symbol('init_uts_ns');
  if (namespace === null) return ['Linux', '', release, '', 'x86_64', ''];
  // Older kernels do not record the offset; up to 5.10, a 4-byte reference count comes first.
  const known = info.offset('uts_namespace.name');
  const texts = (known === null ? [4, 0] : [known]).map((offset) => utsAt(memory, namespace + BigInt(offset)));
  const own = texts.find(([system, , name]) => system === 'Linux' && name === info.release);
  if (own !== undefined) return own;
  const found = printable(texts[0]?.[2] ?? '');
  throw new DumpError(`${image.name}: VMCOREINFO describes kernel ${release}, but the release in memory is ${found}`, {
    code: 'no-kernel',
  });
}

/** The six texts of a struct new_utsname. */
function utsAt(memory: KernelMemory, address: bigint): readonly string[] {
  const bytes = readOf(memory, address, UTS_FIELD * 6, 'init_uts_ns');
  return Array.from({ length: 6 }, (_, i) => bytes.text(i * UTS_FIELD, UTS_FIELD));
}

/** Kernels are loaded at multiples of this (CONFIG_PHYSICAL_ALIGN); lowest and highest phys_base that are tried. */
const ALIGN = 0x200000n;
const LOWEST = -0x40000000n;
const HIGHEST = 0x1000000000n;
/** "Linux" and its NUL. */
const LINUX = [0x4c, 0x69, 0x6e, 0x75, 0x78, 0];

/**
 * Before 4.10, VMCOREINFO has only the address of the variable phys_base, whose value is needed to read it. The right
 * value is the one that is found at that address when used, together with the system's name in init_uts_ns. `hint`: the
 * value from the header of the dump. Null if none was found.
 */
function findPhysBase(frames: FrameSource, info: VmCoreInfo, hint: bigint | null): bigint | null {
  const variable = info.symbol('phys_base');
  if (variable === null) return null;
  const isRight = (value: bigint): boolean =>
    imageU64(frames, variable, value) === BigInt.asUintN(64, value) && isNamed(frames, info, value);
  if (hint !== null && isRight(hint)) return hint;
  if (isRight(0n)) return 0n;
  for (let value = LOWEST; value < HIGHEST; value += ALIGN) if (isRight(value)) return value;
  return null;
}

/** Eight bytes at an address of the kernel's image, assuming a phys_base; null if the dump does not have them. */
function imageU64(frames: FrameSource, address: bigint, physBase: bigint): bigint | null {
  const place = address - START_KERNEL_MAP + physBase;
  if (place < 0n || place % 8n !== 0n) return null;
  const page = frames.frame(pfnOf(Number(place)));
  return page === null ? null : page.getBigUint64(Number(place % 4096n), true);
}

/** Whether init_uts_ns.name begins with "Linux" and a NUL, assuming a phys_base. */
function isNamed(frames: FrameSource, info: VmCoreInfo, physBase: bigint): boolean {
  const namespace = info.symbol('init_uts_ns');
  if (namespace === null) return true;
  const place = Number(namespace - START_KERNEL_MAP + physBase) + (info.offset('uts_namespace.name') ?? 4);
  const page = place < 0 ? null : frames.frame(pfnOf(place));
  const at = place % 4096;
  return page !== null && at + LINUX.length <= 4096 && LINUX.every((byte, i) => page.getUint8(at + i) === byte);
}
