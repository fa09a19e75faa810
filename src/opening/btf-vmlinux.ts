// SPDX-License-Identifier: Apache-2.0
// Where the BTF of vmlinux is in the memory of a kernel.
import type { Bytes } from '../core/bytes.js';
import { DumpError, orNull } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { type Memory, readOf } from '../core/memory.js';
import { occurrences } from '../core/memory-search.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { Symbols } from '../symbols/cache.js';
import { Btf } from '../types/btf.js';
import { sectionsOf } from '../types/btf-format.js';
import type { TypeHints } from '../types/btf-hints.js';
import type { KnownBtf } from '../types/btf-record.js';
import { statedStart, vmlinuxIndex } from './btf-index.js';
import { partsOfImage } from './own-symbols.js';

/** Most bytes of BTF; that of a large kernel takes 10 MiB. */
export const MOST_BYTES = 256 * 1024 * 1024;
/** The longest header. */
const HEADER = 32;

/** A kernel whose BTF is looked for. */
export interface BtfKernel {
  readonly memory: Memory;
  readonly symbols: Symbols;
  /**
   * What is known of the BTF of vmlinux of the same build. The build-id of the kernel does not say which modules it has loaded: one
   * can be from elsewhere, with structures of its own.
   */
  readonly known: KnownBtf | null;
  /** Where its names were in earlier runs; null if that is not kept. */
  readonly hints: TypeHints | null;
}

/** The BTF of vmlinux, and its address. */
export interface VmlinuxBtf {
  readonly btf: Btf;
  readonly start: bigint;
}

/** BTF of vmlinux, where btf_vmlinux says it is, or else between __start_BTF and __stop_BTF; null if the kernel has none. */
export function vmlinuxBtf({ memory, symbols, known, hints }: BtfKernel): VmlinuxBtf | null {
  const range = statedRange({ memory, symbols }) ?? rangeOfSymbols(symbols);
  if (range === null) return null;
  const { start, size } = range;
  if (size > MOST_BYTES) throw new DumpError(`BTF of vmlinux: 0x${size.toString(16)} bytes are too many to be valid`);
  const data = LazyBytes.of(memory, start, size, 'BTF of vmlinux');
  const types = start + BigInt(sectionsOf(data).types.offset);
  const btf = new Btf('BTF of vmlinux', data, null, {
    // Without hints the types are walked, which needs fewer pages than the index of types that are not sorted.
    stated: vmlinuxIndex({ memory, symbols }, start, types, hints?.isEmpty === false),
    late: () => vmlinuxIndex({ memory, symbols }, start, types, true),
    known,
    hints,
  });
  return { btf, start };
}

/** Where the BTF of vmlinux is, and its bytes. */
interface BtfRange {
  readonly start: bigint;
  readonly size: number;
}

function statedRange(kernel: Pick<BtfKernel, 'memory' | 'symbols'>): BtfRange | null {
  const start = statedStart(kernel);
  if (start === null) return null;
  return orNull(() => ({ start, size: statedSize(kernel.memory, start, 'header of BTF') }));
}

function rangeOfSymbols(symbols: Symbols): BtfRange | null {
  const start = symbols.get('__start_BTF');
  const stop = symbols.get('__stop_BTF');
  return start === undefined || stop === undefined || stop <= start ? null : { start, size: Number(stop - start) };
}

/** First bytes of BTF: magic, version, flags, a header of 24 or 32 bytes, and types that follow it immediately. */
const STARTS = [24, 32].map((length) => Uint8Array.of(0x9f, 0xeb, 1, 0, length, 0, 0, 0, 0, 0, 0, 0));

/** Finds BTF of vmlinux by its contents, for kernels whose symbol table has no data symbols; null if there is none. */
export function scanForBtf(memory: Memory, info: VmCoreInfo): VmlinuxBtf | null {
  const stext = info.symbol('_stext');
  if (stext === null) return null;
  for (const [from, to] of partsOfImage(info, stext))
    for (const start of STARTS)
      for (const hit of occurrences(memory, from, to + BigInt(start.length), start)) {
        const btf = btfAt(memory, hit);
        if (btf !== null) return { btf, start: hit };
      }
  return null;
}

/** Bytes of the BTF at an address, by its header. `what` names that in errors. Throws `DumpError` if it can't be read. */
export const statedSize = (memory: Memory, address: bigint, what: string): number =>
  sizeOfBtf(readOf(memory, address, HEADER, what));

/** Bytes of BTF with this header. */
function sizeOfBtf(header: Bytes): number {
  const length = header.u32(4);
  const layout = length >= HEADER ? header.u32(24) + header.u32(28) : 0;
  return length + Math.max(header.u32(8) + header.u32(12), header.u32(16) + header.u32(20), layout);
}

/** BTF at an address; null if it is not that of a kernel: strings follow the types, and task_struct is described. */
function btfAt(memory: Memory, address: bigint): Btf | null {
  return orNull(() => {
    const header = readOf(memory, address, HEADER, 'BTF header');
    const [length, types, strings, size] = [header.u32(4), header.u32(12), header.u32(16), header.u32(20)];
    const end = sizeOfBtf(header);
    if (strings < types || end > MOST_BYTES || size === 0) return null;
    const data = LazyBytes.of(memory, address, end, 'BTF found by a scan');
    const found = new Btf('BTF of vmlinux, found by a scan', data);
    return data.u8(length + strings) === 0 && found.structure('task_struct') !== null ? found : null;
  });
}
