// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import { orNull } from '../core/errors.js';
import { isUnreadable, readOf, unreadableError } from '../core/memory.js';
import { type Resolved, resolve, resolveIfPresent, valuesOf } from '../types/fields.js';
import { pointerAt } from './containers/pointer.js';
import type { Host } from './host.js';
import { pageFields, pageFlags, traceFlagsFields } from './structs.js';

/** The struct page of a frame, its words uninterpreted: in a tail page they mean something else. */
export interface Page {
  /** Address of the struct page. */
  readonly address: bigint;
  readonly flags: bigint;
  /** Names of the flags that are set, without PG_, in the kernel's order. */
  readonly flagNames: readonly string[];
  readonly mapping: bigint;
  readonly index: bigint;
  readonly count: number;
}

/** Start of vmemmap by number of levels, without KASLR (arch/x86/include/asm/pgtable_64_types.h). */
const VMEMMAP_START = { 4: 0xffffea0000000000n, 5: 0xffd4000000000000n } as const;
const FLAG_BITS = 64;
const LONGEST_NAME = 32;

/** Reads struct page by frame, from the virtual memory map (CONFIG_SPARSEMEM_VMEMMAP, always set on x86-64). */
export class Pages {
  readonly #host: Host;
  readonly #at: Resolved<typeof pageFields>;
  readonly #vmemmap: bigint;
  readonly #names: ReadonlyMap<string, bigint>;

  constructor(host: Host) {
    this.#host = host;
    this.#at = resolve(host.types, { page: pageFields }).page;
    this.#vmemmap = vmemmapOf(host);
    this.#names = flagNames(host);
  }

  /** The struct page of a frame; null if it has none (hole, device memory). Throws `DumpError` if not in the dump. */
  read(frame: Pfn): Page | null {
    const at = this.#at;
    const address = this.#vmemmap + BigInt(frame) * BigInt(at.bytes);
    const bytes = this.#host.memory.read(address, at.bytes);
    if (isUnreadable(bytes)) {
      if (bytes.reason === 'unmapped') return null;
      throw unreadableError(bytes, address, 'struct page');
    }
    const flags = bytes.u64(at.flags.offset);
    return {
      address,
      flags,
      flagNames: [...this.#names].filter(([, bit]) => (flags & bit) !== 0n).map(([name]) => name),
      mapping: bytes.u64(at.mapping.offset),
      index: bytes.u64(at.index.offset),
      count: bytes.i32(at.count.offset),
    };
  }
}

/** Address of the virtual memory map: the struct page of frame 0. */
export function vmemmapOf({ info, symbols, memory }: Host): bigint {
  // SYMBOL(vmemmap) is the value, since about 6.12. Before, it is in the variable vmemmap_base.
  const recorded = info.symbol('vmemmap');
  if (recorded !== null) return recorded;
  const variable = symbols.get('vmemmap_base');
  if (variable !== undefined) return pointerAt(memory, variable, 'vmemmap_base');
  // A constant before Linux commit 25dfe4785332 ("x86/mm/64: Enable KASLR for vmemmap memory region") (in v4.9).
  return VMEMMAP_START[memory.form.levels];
}

/**
 * Page flags by name, in the kernel's order: from the kernel's table for printing (pageflag_names, mm/debug.c), which
 * crash uses too; else from enum pageflags.
 */
export function flagNames(host: Host): ReadonlyMap<string, bigint> {
  return tableOfNames(host) ?? enumOfNames(host);
}

function tableOfNames(host: Host): ReadonlyMap<string, bigint> | null {
  const table = host.symbols.get('pageflag_names');
  if (table === undefined) return null;
  const usual = orNull(() => namesInTable(host, table, USUAL_TABLE));
  // Flags that all kernels have, the first and one further on: so the entries have the usual layout.
  if (usual?.has('locked') === true && usual.has('reserved')) return usual;
  const at = resolveIfPresent(host.types, traceFlagsFields);
  return at === null ? null : namesInTable(host, table, at);
}

/** Where an entry of the table has its members, and its size. */
interface TableLayout {
  readonly bytes: number;
  readonly mask: { readonly offset: number };
  readonly name: { readonly offset: number };
}

/** struct trace_print_flags (include/linux/tracepoint-defs.h) of kernels with 64 bits. Its type is far from the start of the BTF of many kernels. */
const USUAL_TABLE: TableLayout = { bytes: 16, mask: { offset: 0 }, name: { offset: 8 } };

function namesInTable({ memory }: Host, table: bigint, at: TableLayout): ReadonlyMap<string, bigint> {
  const names = new Map<string, bigint>();
  for (let i = 0; i < FLAG_BITS; i++) {
    const entry = readOf(memory, table + BigInt(i * at.bytes), at.bytes, 'pageflag_names');
    const name = entry.u64(at.name.offset);
    if (name === 0n) return names;
    names.set(readOf(memory, name, LONGEST_NAME, 'name of a page flag').text(), entry.u64(at.mask.offset));
  }
  return names;
}

/** The first name of each bit. Second names come after __NR_PAGEFLAGS. */
function enumOfNames({ types }: Host): ReadonlyMap<string, bigint> {
  const values = valuesOf(types, pageFlags);
  const count = values?.get('__NR_PAGEFLAGS') ?? 0;
  const names = new Map<string, bigint>();
  const taken = new Set<number>();
  for (const [name, bit] of values ?? []) {
    if (bit >= 0 && bit < Math.min(count, FLAG_BITS) && !taken.has(bit))
      names.set(name.replace(/^PG_/, ''), 1n << BigInt(bit));
    taken.add(bit);
  }
  return names;
}

/** Frames of the small and the huge zero page, as far as known. Anonymous memory that was only read is mapped there. */
export function zeroFrames({ symbols, memory }: Host): ReadonlySet<number> {
  // zero_pfn is zero_page_pfn in 7.2; huge_zero_pfn, since 5.14, is all ones if there is no huge zero page.
  const variables = ['zero_pfn', 'zero_page_pfn', 'huge_zero_pfn'].map((name) => symbols.get(name));
  const values = variables.map((at) => (at === undefined ? null : readOf(memory, at, 8, 'zero_pfn').u64(0)));
  return new Set(values.filter((value) => value !== null && value < 2n ** 40n).map(Number));
}
