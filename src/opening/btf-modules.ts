// SPDX-License-Identifier: Apache-2.0
// The kernel's copies of the BTF of modules: struct btf_module and struct btf (kernel/bpf/btf.c).
import type { Bytes } from '../core/bytes.js';
import { orNull } from '../core/errors.js';
import { type Memory, readOf } from '../core/memory.js';
import { listLinks } from '../kernel/containers/list.js';
import { btfFields, btfModuleFields, moduleFields } from '../kernel/structs.js';
import type { Symbols } from '../symbols/cache.js';
import { resolve } from '../types/fields.js';
import type { TypeSource } from '../types/source.js';
import { afterHeader, HEADER } from './btf-index.js';

const MOST_MODULES = 0x10000;
/** Bytes of struct btf that contain the members sought, in all kernels up to 7.3. */
const READ = 320;
const POINTER = 8;
/** MODULE_NAME_LEN. */
const LONGEST_NAME = 56;

/** Where a module's BTF is, and what it continues: see `Btf`. */
export interface ModuleBtf {
  readonly data: bigint;
  /** Null if only the BTF itself says it. */
  readonly size: number | null;
  readonly firstId: number;
  readonly firstString: number;
}

/** The BTF of vmlinux, which those of modules continue: its address, and the bytes of its strings. */
interface Base {
  readonly start: bigint;
  readonly strings: number;
}

interface Kernel {
  readonly memory: Memory;
  readonly symbols: Symbols;
}

/** Where struct btf_module has its members. */
interface Entry {
  readonly bytes: number;
  readonly list: number;
  readonly module: number;
  readonly btf: number;
}

/** In all kernels up to 7.3. */
const ENTRY: Entry = { bytes: 4 * POINTER, list: 0, module: 2 * POINTER, btf: 3 * POINTER };

/** Address of the struct btf of a module; null if it has none. Throws `DumpError`. */
function structOf({ memory, symbols }: Kernel, types: TypeSource, entry: Entry, name: string): bigint | null {
  const head = symbols.get('btf_modules');
  if (head === undefined) return null;
  const { offset, size } = resolve(types, { module: moduleFields }).module.name;
  for (const link of listLinks(memory, head, MOST_MODULES, 'btf_modules')) {
    const each = readOf(memory, link - BigInt(entry.list), entry.bytes, 'btf_module');
    if (readOf(memory, each.u64(entry.module) + BigInt(offset), size, 'module name').text() === name)
      return each.u64(entry.btf);
  }
  return null;
}

/**
 * The BTF of a module, without the layouts of the structures that lead to it, which are among the last in the BTF of many kernels. Their
 * members are recognised by what they hold: struct btf_module has the list, the module and its struct btf, which has the address of the
 * data, and somewhere that of the struct btf of vmlinux, the numbers of its first type and string, and the name of the module. Null if it is
 * not found that way.
 */
export function recognisedBtf(kernel: Kernel, types: TypeSource, name: string, base: Base): ModuleBtf | null {
  const { memory } = kernel;
  return orNull(() => {
    const address = structOf(kernel, types, ENTRY, name);
    if (address === null) return null;
    const btf = readOf(memory, address, READ, `struct btf of module ${name}`);
    const data = btf.u64(0);
    if (afterHeader(btf, readOf(memory, data, HEADER, `BTF of module ${name}`)) === null) return null;
    const isBase = (other: bigint): boolean =>
      readOf(memory, other, POINTER, 'struct btf of vmlinux').u64(0) === base.start;
    const found = continued(btf, isBase, name);
    return found?.firstString === base.strings ? { ...found, data, size: null } : null;
  });
}

/** Where the types and strings begin, if this is the struct btf of a module on top of another for which `isBase` is true. */
function continued(
  btf: Bytes,
  isBase: (btf: bigint) => boolean,
  name: string,
): Pick<ModuleBtf, 'firstId' | 'firstString'> | null {
  const ending = Buffer.from(`${name}\0`, 'latin1');
  for (let at = POINTER; at <= READ - 2 * POINTER - LONGEST_NAME; at += POINTER)
    if (ending.equals(btf.slice(at + 2 * POINTER, ending.length).array()) && isBase(btf.u64(at)))
      return { firstId: btf.u32(at + POINTER), firstString: btf.u32(at + POINTER + 4) };
  return null;
}

/**
 * The same by the layouts of these structures; null if the module does not have BTF, or the types do not describe them. Throws `DumpError` if
 * they can't be read.
 */
export function describedBtf(kernel: Kernel, types: TypeSource, name: string): ModuleBtf | null {
  if (kernel.symbols.get('btf_modules') === undefined || types.sizeOf('btf_module') === null) return null;
  const { entry, btf: at } = resolve(types, { entry: btfModuleFields, btf: btfFields });
  const { bytes, list, module, btf } = entry;
  const offsets = { bytes, list: list.offset, module: module.offset, btf: btf.offset };
  const address = structOf(kernel, types, offsets, name);
  if (address === null) return null;
  const struct = readOf(kernel.memory, address, at.bytes, `struct btf of module ${name}`);
  return {
    data: struct.u64(at.data.offset),
    size: struct.u32(at.size.offset),
    firstId: struct.u32(at.firstId.offset),
    firstString: struct.u32(at.firstString.offset),
  };
}
