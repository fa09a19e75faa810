// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { orNull } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { type Memory, readOf } from '../core/memory.js';
import type { Symbols } from '../symbols/cache.js';
import type { StatedIndex } from '../types/btf-index.js';
import { START_KERNEL_MAP } from './bootstrap.js';

/** Bytes of struct btf that are read: up to `named_start_id`, which is at 84 in 7.2. */
const READ = 96;
/** struct btf_header has 24 bytes, and 32 since Linux 7.1, where those of the data may still be 24. */
export const HEADER = 24;
const HEADERS = [HEADER, 32];
const POINTER = 8;
/** Most types; a large kernel has 200,000. */
const MOST_TYPES = 0x1000000;

interface Kernel {
  readonly memory: Memory;
  readonly symbols: Symbols;
}

/** `btf_vmlinux`, a struct btf; null if no table has the symbol. Throws `DumpError` if it can't be read, also where the kernel has not made it. */
function structBtf({ memory, symbols }: Kernel): Bytes | null {
  const symbol = symbols.get('btf_vmlinux');
  if (symbol === undefined) return null;
  return readOf(memory, readOf(memory, symbol, POINTER, 'btf_vmlinux').u64(0), READ, 'struct btf of vmlinux');
}

/**
 * Address of the BTF of vmlinux as the kernel's index of it has it, which is proven by the copy of the header there; null if it can't be
 * proven. It takes one symbol, which the index needs in any case, instead of two more.
 */
export function statedStart(kernel: Kernel): bigint | null {
  return orNull(() => {
    const btf = structBtf(kernel);
    const start = btf?.u64(0) ?? 0n;
    // The BTF of modules, to which a damaged pointer could lead, is not in the image of the kernel.
    if (btf === null || start < START_KERNEL_MAP) return null;
    return afterHeader(btf, readOf(kernel.memory, start, HEADER, 'header of BTF')) === null ? null : start;
  });
}

/**
 * The kernel's index of the BTF of vmlinux, which is at address `start`, its types at `types`: `btf_vmlinux` (kernel/bpf/btf.c). Unless
 * `always`, only that of kernels that sort the types (since Linux 7.0). The layout of struct btf is not known yet, so its members are
 * recognised by what they hold: the address of the BTF, then that of the array of types; somewhere a copy of the header, and after it the
 * number of types and, if they are sorted, that of the first with a name. Several if it is not known how long the header is, or whether
 * type 0 is counted, none if there is no such structure. What they say must be proven (`IndexedTypes`).
 */
export function vmlinuxIndex(
  { memory, symbols }: Kernel,
  start: bigint,
  types: bigint,
  always = false,
): readonly StatedIndex[] {
  const found = orNull(() => {
    // In sorted BTF the first types have no name. In most others the first one has.
    const maySort = readOf(memory, types, 4, 'first type').u32(0) === 0;
    if (!maySort && !always) return null;
    const btf = structBtf({ memory, symbols });
    const after = btf?.u64(0) === start ? afterHeader(btf, readOf(memory, start, HEADER, 'header of BTF')) : null;
    if (btf === null || after === null) return null;
    const pointers = btf.u64(POINTER);
    return HEADERS.flatMap((length) => {
      const [count, first] = [btf.u32(after + length), btf.u32(after + length + 4)];
      const named = maySort && first > 0 && first < count ? first : null;
      if (count >= MOST_TYPES || (named === null && !always)) return [];
      // nr_types is without type 0 up to 5.10.
      const counts = named === null ? [count, count + 1] : [count];
      return counts.map((each) => ({ count: each, named, offset: offsets(memory, pointers, each, types) }));
    });
  });
  return found ?? [];
}

/** Where struct btf has its copy of the header, of which the first 24 bytes are given; null if it has none. */
export function afterHeader(btf: Bytes, header: Bytes): number | null {
  const words = [0, 8, 16];
  const last = READ - 2 * POINTER - HEADER;
  for (let at = 2 * POINTER; at <= last; at += POINTER)
    if (words.every((word) => btf.u64(at + word) === header.u64(word))) return at;
  return null;
}

/** Offsets from `types` on of what the pointers of an array lead to. */
function offsets(memory: Memory, array: bigint, count: number, types: bigint): (id: number) => number {
  const pointers = LazyBytes.of(memory, array, count * POINTER, 'types of struct btf');
  const [low, high] = [Number(types & 0xffffffffn), Number(types >> 32n)];
  return (id) => {
    if (pointers.u32(id * POINTER + 4) !== high)
      throw pointers.error(id * POINTER, `the pointer to type ${id} does not lead to BTF`);
    return pointers.u32(id * POINTER) - low;
  };
}
