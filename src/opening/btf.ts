// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import type { Log } from '../core/log.js';
import { type Memory, readOf } from '../core/memory.js';
import { occurrences } from '../core/memory-search.js';
import { listLinks } from '../kernel/containers/list.js';
import { findModule } from '../kernel/modules.js';
import type { NeededModule } from '../kernel/needs.js';
import { btfFields, btfModuleFields, moduleFields, moduleTaintsFields } from '../kernel/structs.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { Symbols } from '../symbols/cache.js';
import { Btf } from '../types/btf.js';
import { FallbackTypes } from '../types/fallback.js';
import { resolve } from '../types/fields.js';
import { GraphTypes } from '../types/graph.js';
import { LayeredTypes } from '../types/layered.js';
import type { TypeSource } from '../types/source.js';
import { partsOfImage } from './own-symbols.js';

/** BTF of a large kernel takes 10 MiB. */
const MOST_BYTES = 256 * 1024 * 1024;
const MOST_MODULES = 0x10000;

/** The types of vmlinux, between __start_BTF and __stop_BTF; null when the kernel brings none. */
function vmlinuxBtf(memory: Memory, symbols: Symbols): Btf | null {
  const start = symbols.get('__start_BTF');
  const stop = symbols.get('__stop_BTF');
  if (start === undefined || stop === undefined || stop <= start) return null;
  if (stop - start > MOST_BYTES) throw new DumpError(`BTF of vmlinux: 0x${(stop - start).toString(16)} bytes`);
  return new Btf('BTF of vmlinux', LazyBytes.of(memory, start, Number(stop - start), 'BTF of vmlinux'));
}

/** Magic, version, flags, and a header of 24 or 32 bytes with the types right behind it. */
const STARTS = [24, 32].map((length) => Uint8Array.of(0x9f, 0xeb, 1, 0, length, 0, 0, 0, 0, 0, 0, 0));

/** BTF of vmlinux by what it looks like, for kernels whose table of symbols has no data; null when there is none. */
function scanForBtf(memory: Memory, info: VmCoreInfo): Btf | null {
  const stext = info.symbol('_stext');
  if (stext === null) return null;
  for (const [from, to] of partsOfImage(info, stext))
    for (const start of STARTS)
      for (const hit of occurrences(memory, from, to + BigInt(start.length), start)) {
        const found = btfAt(memory, hit);
        if (found !== null) return found;
      }
  return null;
}

/** Strings lie right behind the types, and a kernel's BTF has tasks in it. */
function btfAt(memory: Memory, address: bigint): Btf | null {
  return orNull(() => {
    const header = readOf(memory, address, 32, 'BTF header');
    const [length, types, strings, size] = [header.u32(4), header.u32(12), header.u32(16), header.u32(20)];
    const layout = length >= 32 ? header.u32(24) + header.u32(28) : 0;
    const end = length + Math.max(strings + size, layout);
    if (strings < types || end > MOST_BYTES || size === 0) return null;
    const data = LazyBytes.of(memory, address, end, 'BTF found by a scan');
    const found = new Btf('BTF of vmlinux, found by a scan', data);
    return data.u8(length + strings) === 0 && found.structure('task_struct') !== null ? found : null;
  });
}

/**
 * The types that a module adds to vmlinux's, from the kernel's own copy (btf_modules, kernel/bpf/btf.c): that of
 * struct module is gone once the module is loaded, or built on a distilled base. Null when the module has none.
 */
function moduleBtf(memory: Memory, symbols: Symbols, base: Btf, name: string): Btf | null {
  const head = symbols.get('btf_modules');
  if (head === undefined || base.structure('btf_module') === null) return null;
  const at = resolve(new GraphTypes(base), { entry: btfModuleFields, btf: btfFields, module: moduleFields });
  for (const link of listLinks(memory, head, MOST_MODULES, 'btf_modules')) {
    const entry = readOf(memory, link - BigInt(at.entry.list.offset), at.entry.bytes, 'btf_module');
    const nameAt = entry.u64(at.entry.module.offset) + BigInt(at.module.name.offset);
    if (readOf(memory, nameAt, at.module.name.size, 'module name').text() !== name) continue;
    const btf = readOf(memory, entry.u64(at.entry.btf.offset), at.btf.bytes, `struct btf of module ${name}`);
    const size = btf.u32(at.btf.size.offset);
    if (size > MOST_BYTES) throw new DumpError(`BTF of module ${name}: ${size} bytes`);
    const data = LazyBytes.of(memory, btf.u64(at.btf.data.offset), size, `BTF of module ${name}`);
    const split = { firstId: btf.u32(at.btf.firstId.offset), firstString: btf.u32(at.btf.firstString.offset) };
    return new Btf(`${base.source} and of module ${name}`, data, base, split);
  }
  return null;
}

/** A kernel as far as it is opened before its types are known. */
export interface Untyped {
  readonly memory: Memory;
  readonly symbols: Symbols;
  readonly info: VmCoreInfo;
  readonly release: string;
  readonly log: Log;
}

/** The types that the kernel and these modules bring. Throws `DumpError` when the kernel brings none. */
export function ownTypes(kernel: Untyped, modules: readonly NeededModule[]): TypeSource {
  const { memory, symbols, info, release } = kernel;
  // A table that has the borders of sections would have those of BTF too.
  const hasBorders = (): boolean => symbols.get('__start_notes') !== undefined;
  const vmlinux = vmlinuxBtf(memory, symbols) ?? (hasBorders() ? null : scanForBtf(memory, info));
  if (vmlinux === null)
    throw new DumpError(`kernel ${release} brings no BTF (CONFIG_DEBUG_INFO_BTF)`, { code: 'no-types' });
  const alone = new GraphTypes(vmlinux);
  const layers = modules.map((module) => withModule(kernel, vmlinux, alone, module));
  const [only = alone] = layers;
  return layers.length > 1 ? new LayeredTypes(layers) : only;
}

/**
 * The types of a module on top of vmlinux's. Most kernels' vmlinux describes KVM in full, built-in code includes its
 * headers; but a module that was built with other ones (a backport, another configuration) brings its own.
 */
function withModule(
  { memory, symbols, log }: Untyped,
  vmlinux: Btf,
  alone: TypeSource,
  needed: NeededModule,
): TypeSource {
  const { name, marker } = needed;
  const withoutModule = (why: DumpError): void => {
    if (alone.sizeOf(marker) === null || isForeign(memory, symbols, alone, name)) throw why;
    log.warn(`types: taken from vmlinux alone: ${why.message}`, why);
  };
  try {
    const module = moduleBtf(memory, symbols, vmlinux, name);
    return module === null ? alone : new FallbackTypes(new GraphTypes(module), alone, withoutModule);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    withoutModule(error);
    return alone;
  }
}

/** Bit of struct module's taints: built outside of the kernel's tree, so maybe with other structures (TAINT_OOT_MODULE). */
const OUT_OF_TREE = 1n << 12n;

/** Whether a module may have been built with other headers than the kernel. */
function isForeign(memory: Memory, symbols: Symbols, types: TypeSource, name: string): boolean {
  const modules = symbols.get('modules');
  const module = modules === undefined ? null : findModule(memory, types, modules, name);
  const { taints } = resolve(types, { module: moduleTaintsFields }).module;
  if (module === null || taints === null) return false;
  return (readOf(memory, module + BigInt(taints.offset), 8, 'taints of a module').u64(0) & OUT_OF_TREE) !== 0n;
}
