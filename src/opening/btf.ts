// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { DumpError, orNull } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import type { Log } from '../core/log.js';
import { type Memory, readOf } from '../core/memory.js';
import { occurrences } from '../core/memory-search.js';
import { findModule } from '../kernel/modules.js';
import type { NeededModule } from '../kernel/needs.js';
import { moduleTaintsFields } from '../kernel/structs.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { Symbols } from '../symbols/cache.js';
import { Btf } from '../types/btf.js';
import { sectionsOf } from '../types/btf-format.js';
import type { TypeHints } from '../types/btf-hints.js';
import type { KnownBtf } from '../types/btf-record.js';
import { FallbackTypes } from '../types/fallback.js';
import { resolve } from '../types/fields.js';
import { GraphTypes } from '../types/graph.js';
import { LayeredTypes } from '../types/layered.js';
import type { TypeSource } from '../types/source.js';
import { statedStart, vmlinuxIndex } from './btf-index.js';
import { describedBtf, recognisedBtf } from './btf-modules.js';
import { partsOfImage } from './own-symbols.js';

/** Most bytes of BTF; that of a large kernel takes 10 MiB. */
const MOST_BYTES = 256 * 1024 * 1024;
/** The longest header. */
const HEADER = 32;

/** The BTF of vmlinux, and its address. */
interface VmlinuxBtf {
  readonly btf: Btf;
  readonly start: bigint;
}

/** BTF of vmlinux, where btf_vmlinux says it is, or else between __start_BTF and __stop_BTF; null if the kernel has none. */
function vmlinuxBtf({ memory, symbols, known, hints }: Untyped): VmlinuxBtf | null {
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

function statedRange(kernel: Pick<Untyped, 'memory' | 'symbols'>): BtfRange | null {
  const start = statedStart(kernel);
  if (start === null) return null;
  return orNull(() => ({ start, size: sizeOfBtf(readOf(kernel.memory, start, HEADER, 'header of BTF')) }));
}

function rangeOfSymbols(symbols: Symbols): BtfRange | null {
  const start = symbols.get('__start_BTF');
  const stop = symbols.get('__stop_BTF');
  return start === undefined || stop === undefined || stop <= start ? null : { start, size: Number(stop - start) };
}

/** First bytes of BTF: magic, version, flags, a header of 24 or 32 bytes, and types that follow it immediately. */
const STARTS = [24, 32].map((length) => Uint8Array.of(0x9f, 0xeb, 1, 0, length, 0, 0, 0, 0, 0, 0, 0));

/** Finds BTF of vmlinux by its contents, for kernels whose symbol table has no data symbols; null if there is none. */
function scanForBtf(memory: Memory, info: VmCoreInfo): VmlinuxBtf | null {
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

/**
 * BTF of a module on top of that of vmlinux, from the kernel's copy (btf_modules, kernel/bpf/btf.c): the one in struct
 * module is freed once the module is loaded, or is built on a distilled base. Null if the module has none.
 */
function moduleBtf(kernel: Untyped, vmlinux: VmlinuxBtf, name: string): Btf | null {
  const { btf: base, start } = vmlinux;
  const types = new GraphTypes(base);
  const found =
    recognisedBtf(kernel, types, name, { start, strings: base.stringBytes }) ?? describedBtf(kernel, types, name);
  if (found === null) return null;
  const { memory } = kernel;
  const size = found.size ?? sizeOfBtf(readOf(memory, found.data, HEADER, `BTF of module ${name}`));
  if (size > MOST_BYTES) throw new DumpError(`BTF of module ${name}: ${size} bytes are too many to be valid`);
  const data = LazyBytes.of(memory, found.data, size, `BTF of module ${name}`);
  return new Btf(`${base.source} and of module ${name}`, data, base, { ...found, module: name });
}

/** What is known of a kernel before its types. */
export interface Untyped {
  readonly memory: Memory;
  readonly symbols: Symbols;
  readonly info: VmCoreInfo;
  readonly release: string;
  readonly log: Log;
  /**
   * What is known of the BTF of vmlinux of the same build. The build-id of the kernel does not say which modules it has loaded: one
   * can be from elsewhere, with structures of its own.
   */
  readonly known: KnownBtf | null;
  /** Where its names were in earlier runs; null if that is not kept. */
  readonly hints: TypeHints | null;
}

/** Types from a dump's own BTF. */
export interface OwnTypes {
  /** Those of the kernel and of the modules that are needed. */
  readonly types: TypeSource;
  /** Those of another module alone; null if it has no BTF. Throws `DumpError` if that can't be read. */
  readonly ofModule: (name: string) => TypeSource | null;
}

/** Types from the BTF of the kernel and of these modules. Throws `DumpError` if the kernel has none. */
export function ownTypes(kernel: Untyped, modules: readonly NeededModule[]): OwnTypes {
  const { memory, symbols, info, release } = kernel;
  // A table that has symbols for the borders of sections would have those of BTF.
  const hasBorders = (): boolean => symbols.get('__start_notes') !== undefined;
  const vmlinux = vmlinuxBtf(kernel) ?? (hasBorders() ? null : scanForBtf(memory, info));
  if (vmlinux === null)
    throw new DumpError(`kernel ${release} has no BTF (CONFIG_DEBUG_INFO_BTF)`, { code: 'no-types' });
  const alone = new GraphTypes(vmlinux.btf);
  const layers = modules.map((module) => withModule(kernel, vmlinux, alone, module));
  const [only = alone] = layers;
  return {
    types: layers.length > 1 ? new LayeredTypes(layers) : only,
    ofModule: (name) => {
      const module = moduleBtf(kernel, vmlinux, name);
      return module === null ? null : new GraphTypes(module);
    },
  };
}

/**
 * Types of a module on top of those of vmlinux. In most kernels the BTF of vmlinux describes KVM in full, as built-in
 * code includes its headers. But a module that was built with other headers (a backport, or another configuration) has
 * types of its own.
 */
function withModule(kernel: Untyped, vmlinux: VmlinuxBtf, alone: TypeSource, needed: NeededModule): TypeSource {
  const { name, marker } = needed;
  const { memory, symbols, log } = kernel;
  const withoutModule = (why: DumpError): void => {
    if (alone.sizeOf(marker) === null || isForeign(memory, symbols, alone, name)) throw why;
    log.warn(`types: taken from vmlinux only: ${why.message}`, why);
  };
  try {
    const module = moduleBtf(kernel, vmlinux, name);
    return module === null ? alone : new FallbackTypes(new GraphTypes(module), alone, withoutModule);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    withoutModule(error);
    return alone;
  }
}

/** Bit in the taints of struct module: built out of tree, so possibly with other structures (TAINT_OOT_MODULE). */
const OUT_OF_TREE = 1n << 12n;

/** Whether a module may have been built with headers that differ from the kernel's. */
function isForeign(memory: Memory, symbols: Symbols, types: TypeSource, name: string): boolean {
  const modules = symbols.get('modules');
  const module = modules === undefined ? null : findModule(memory, types, modules, name);
  const { taints } = resolve(types, { module: moduleTaintsFields }).module;
  if (module === null || taints === null) return false;
  return (readOf(memory, module + BigInt(taints.offset), 8, 'taints of a module').u64(0) & OUT_OF_TREE) !== 0n;
}
