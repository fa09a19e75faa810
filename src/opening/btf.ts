// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import type { Log } from '../core/log.js';
import { type Memory, readOf } from '../core/memory.js';
import { findModule } from '../kernel/modules.js';
import type { NeededModule } from '../kernel/needs.js';
import { moduleTaintsFields } from '../kernel/structs.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { Symbols } from '../symbols/cache.js';
import { Btf } from '../types/btf.js';
import { FallbackTypes } from '../types/fallback.js';
import { resolve } from '../types/fields.js';
import { GraphTypes } from '../types/graph.js';
import { LayeredTypes } from '../types/layered.js';
import type { TypeSource } from '../types/source.js';
import { describedBtf, recognisedBtf } from './btf-modules.js';
import { type BtfKernel, MOST_BYTES, scanForBtf, statedSize, type VmlinuxBtf, vmlinuxBtf } from './btf-vmlinux.js';

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
  const size = found.size ?? statedSize(memory, found.data, `BTF of module ${name}`);
  if (size > MOST_BYTES) throw new DumpError(`BTF of module ${name}: ${size} bytes are too many to be valid`);
  const data = LazyBytes.of(memory, found.data, size, `BTF of module ${name}`);
  return new Btf(`${base.source} and of module ${name}`, data, base, { ...found, module: name });
}

/** What is known of a kernel before its types. */
export interface Untyped extends BtfKernel {
  readonly info: VmCoreInfo;
  readonly release: string;
  readonly log: Log;
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
