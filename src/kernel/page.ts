// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import { isUnreadable, readOf, unreadableError } from '../core/memory.js';
import { type Resolved, resolve, resolveIfPresent, valuesOf } from '../types/fields.js';
import { pointerAt } from './containers/pointer.js';
import type { Host } from './host.js';
import { pageFields, pageFlags, traceFlagsFields } from './structs.js';

/** A frame's struct page, its words as they stand: those of a tail page are another's. */
export interface Page {
  readonly address: bigint;
  readonly flags: bigint;
  /** Names of the flag bits that are set, without PG_, in the order in which the kernel declares them. */
  readonly flagNames: readonly string[];
  readonly mapping: bigint;
  readonly index: bigint;
  readonly count: number;
}

/** arch/x86/include/asm/pgtable_64_types.h */
const VMEMMAP_START = { 4: 0xffffea0000000000n, 5: 0xffd4000000000000n } as const;
const FLAG_BITS = 64;
const LONGEST_NAME = 32;

/** struct page by frame, in the virtual memory map (CONFIG_SPARSEMEM_VMEMMAP, which x86-64 always has). */
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

  /** Null for a frame without one: device memory, a hole. Throws `DumpError` when it is there but not in the dump. */
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

function vmemmapOf({ info, symbols, memory }: Host): bigint {
  // SYMBOL(vmemmap) is the value, since about 6.12; before, the variable vmemmap_base has it.
  const told = info.symbol('vmemmap');
  if (told !== null) return told;
  const variable = symbols.get('vmemmap_base');
  if (variable !== undefined) return pointerAt(memory, variable, 'vmemmap_base');
  // Before Linux commit 25dfe4785332 ("x86/mm/64: Enable KASLR for vmemmap memory region") (in v4.9) a constant.
  return VMEMMAP_START[memory.form.levels];
}

/**
 * Flag bits by name, in the order in which the kernel lists them: its own table for printing (pageflag_names,
 * mm/debug.c), which is crash's source too; else enum pageflags.
 */
function flagNames(host: Host): ReadonlyMap<string, bigint> {
  return tableOfNames(host) ?? enumOfNames(host);
}

function tableOfNames({ symbols, types, memory }: Host): ReadonlyMap<string, bigint> | null {
  const table = symbols.get('pageflag_names');
  const at = resolveIfPresent(types, traceFlagsFields);
  if (table === undefined || at === null) return null;
  const names = new Map<string, bigint>();
  for (let i = 0; i < FLAG_BITS; i++) {
    const entry = readOf(memory, table + BigInt(i * at.bytes), at.bytes, 'pageflag_names');
    const name = entry.u64(at.name.offset);
    if (name === 0n) return names;
    names.set(readOf(memory, name, LONGEST_NAME, 'name of a page flag').text(), entry.u64(at.mask.offset));
  }
  return names;
}

/** The first name of each bit; behind __NR_PAGEFLAGS stand second names. */
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

/** Frames of the zero pages, small and huge, where the kernel tells them: untouched anonymous memory reads from them. */
export function zeroFrames({ symbols, memory }: Host): ReadonlySet<number> {
  // zero_page_pfn by 7.2; huge_zero_pfn, since 5.14, is all ones while there is none.
  const variables = ['zero_pfn', 'zero_page_pfn', 'huge_zero_pfn'].map((name) => symbols.get(name));
  const values = variables.map((at) => (at === undefined ? null : readOf(memory, at, 8, 'zero_pfn').u64(0)));
  return new Set(values.filter((value) => value !== null && value < 2n ** 40n).map(Number));
}
