// SPDX-License-Identifier: Apache-2.0
// Random page tables, some of them damaged, and the simplest possible walk through them.
import fc from 'fast-check';
import { type Pfn, pfn } from '../../src/core/address.js';
import type { FrameGap } from '../../src/core/memory.js';
import { Walk } from '../../src/paging/walker.js';
import { HUGE, PAGE, PhysicalMemory, PRESENT, PROTNONE, protNone, swapEntry, TABLE } from './memory.js';

export interface Paging {
  readonly levels: 4 | 5;
  /** The memory encryption bit, or 0. */
  readonly sme: bigint;
}

/** Tables and a range of pages to look at. */
export interface Space extends Paging {
  readonly memory: PhysicalMemory;
  readonly root: Pfn;
  readonly from: number;
  readonly to: number;
}

/** How a walk ends. `protNone`: of the leaf. The entry is the last one read, or 0 at address -1 if there was none. */
export interface Ending {
  readonly status: Walk;
  readonly level: number;
  readonly frame: number;
  readonly protNone: boolean;
  readonly entry: bigint;
  readonly entryAddress: number;
}

/** A walk by the Intel SDM (3A, 4.5) and arch/x86/include/asm/pgtable*.h, with 64-bit numbers and without caches. */
export function plainWalk({ memory, root, levels, sme }: Space, page: number): Ending {
  const mask = 0xf_ffff_ffff_f000n & ~sme;
  let table = BigInt(root);
  let entry = 0n;
  let at = -1n;
  for (let level = levels - 1; ; level--) {
    const end = (status: Walk, frame = table, isNone = false): Ending => ({
      ...{ status, level, frame: Number(frame), protNone: isNone, entry, entryAddress: Number(at) },
    });
    if (memory.frame(pfn(Number(table))) === null) return end(Walk.TableMissing);
    at = table * PAGE + ((BigInt(page) >> BigInt(9 * level)) & 511n) * 8n;
    entry = memory.readU64(at);
    const isPresent = (entry & PRESENT) !== 0n;
    if (isPresent && level > 0 && (entry & HUGE) === 0n) {
      table = (entry & mask) / PAGE;
      continue;
    }
    if (!isPresent && (entry & ~0x60n) === 0n) return end(Walk.Empty);
    if (level > 2) return end(Walk.Bad);
    const size = 1n << BigInt(9 * level);
    if (isPresent && ((entry / PAGE) & (size - 1n) & ~1n) !== 0n) return end(Walk.Bad);
    const needed = [PROTNONE, HUGE, HUGE | PROTNONE][level] as bigint;
    if (!isPresent && (entry & needed) !== needed)
      return end((entry & (HUGE | PROTNONE)) === 0n ? Walk.Special : Walk.Bad);
    const top = sme >> 51n === 1n ? 1n << 50n : 1n << 51n;
    const plain = !isPresent && (entry & top) !== 0n ? ~entry : entry;
    const first = ((plain & mask) / PAGE) & ~(size - 1n);
    return end(Walk.Mapped, first + (BigInt(page) & (size - 1n)), !isPresent);
  }
}

/** Indices at which single entries are set; the ends of ranges are made of them too. */
const SPOTS = [0, 1, 2, 3, 100, 255, 510, 511];
const TABLES = 3;
/** The frame of a table at a level. */
const tableFrame = (level: number, which: number) => 0x1000 + level * 16 + which;
/** Frames of missing tables, and the reasons why they are missing. */
const MISSING: readonly (readonly [frame: number, gap: FrameGap])[] = [
  [0x98, { reason: 'excluded', message: 'left out' }],
  [0x99, { reason: 'excluded', message: 'left out too' }],
  [0x9a, { reason: 'undecodable', message: 'not to be decoded' }],
  [0x9b, { reason: 'unreadable', message: 'not to be read' }],
  [0x9c, { reason: 'outside', message: 'not covered' }],
  [0x99999, { reason: 'cut-off', message: 'cut off' }],
];

const small = fc.bigInt({ min: 0n, max: 7n });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const leadsTo = (frame: fc.Arbitrary<number>) => frame.map((to) => (BigInt(to) * PAGE) | TABLE);

/** A frame for a leaf at a level: often one of a few, so that some leaves are contiguous. */
const leafFrame = (level: number) =>
  fc
    .oneof(
      small,
      u64.map((bits) => bits % 2n ** 40n),
    )
    .map((seed) => (seed << BigInt(9 * level)) % 2n ** 40n);

function leaf(level: number): fc.Arbitrary<bigint> {
  const flags = fc.constantFrom(0n, 1n << 63n, 0xfn << 59n, 2n, level > 0 ? PAGE : 0n);
  const huge = level > 0 ? HUGE : 0n;
  return fc.tuple(leafFrame(level), flags, fc.nat(5)).map(([frame, more, kind]) => {
    if (kind === 0) return protNone(Number(frame)) | huge;
    // A huge page that is being split has only PSE. Next: PROT_NONE before the L1TF fix, not inverted.
    if (kind === 1 && level === 1) return (protNone(Number(frame)) & ~PROTNONE) | HUGE;
    if (kind === 2) return (frame * PAGE) | PROTNONE | huge;
    return (frame * PAGE) | TABLE | huge | more;
  });
}

/** Entries at a level, of every kind. */
function entry(level: number): fc.Arbitrary<bigint> {
  const empty = fc.constantFrom(0n, 0x20n, 0x40n, 0x60n);
  const special = fc
    .tuple(fc.oneof(small, fc.bigInt(21n, 31n)), small)
    .map(([type, offset]) => swapEntry(Number(type), offset));
  const bad = [[HUGE], [PROTNONE], [HUGE, PROTNONE], [0x10n, HUGE | PRESENT], [0x10n, HUGE | PRESENT]][
    level
  ] as bigint[];
  const reserved = fc
    .tuple(leaf(level), fc.constantFrom(13n, 16n, 20n, 21n, 29n, 30n))
    .map(([value, bit]) => value | (1n << bit) | PRESENT | (level > 0 ? HUGE : 0n));
  const which = fc.nat(TABLES - 1);
  const below = leadsTo(which.map((table) => tableFrame(level - 1, table)));
  const anywhere = leadsTo(fc.tuple(fc.nat(4), which).map(([other, table]) => tableFrame(other, table)));
  return fc.oneof(
    { arbitrary: empty, weight: 2 },
    { arbitrary: special, weight: 2 },
    { arbitrary: leaf(level), weight: level > 2 ? 1 : 6 },
    { arbitrary: level > 0 ? below : leaf(level), weight: 6 },
    { arbitrary: leadsTo(fc.constantFrom(...MISSING.map(([frame]) => frame))), weight: 1 },
    { arbitrary: fc.constantFrom(...bad).map((bits) => bits | 0x1000n), weight: 2 },
    { arbitrary: reserved, weight: 2 },
    { arbitrary: u64, weight: 1 },
    { arbitrary: anywhere, weight: 1 },
  );
}

type Contents = readonly (readonly [index: number, value: bigint])[];

/**
 * A uniform table: consecutive leaves or places in swap, which continue those of the previous table; or a single entry.
 */
function fill(level: number, which: number): fc.Arbitrary<Contents> {
  const inStep = fc.boolean().map((isNone) =>
    Array.from({ length: 512 }, (_, i) => {
      const frame = BigInt(which * 512 + i) << BigInt(9 * level);
      const huge = level > 0 ? HUGE : 0n;
      return [i, isNone ? protNone(Number(frame)) | huge : (frame * PAGE) | TABLE | huge] as const;
    }),
  );
  const alike = entry(level).map((value) => Array.from({ length: 512 }, (_, i) => [i, value] as const));
  const special = fc
    .constantFrom(0, 2, 24, 26, 28, 31)
    .map((type) => Array.from({ length: 512 }, (_, i) => [i, swapEntry(type, BigInt(which * 512 + i))] as const));
  return level > 2 ? alike : fc.oneof({ arbitrary: inStep, weight: 3 }, { arbitrary: special, weight: 1 }, alike);
}

/** Default contents of a table: entries that point to tables of the level below. */
const ladder = (level: number): Contents =>
  level === 0 ? [] : SPOTS.map((spot) => [spot, (BigInt(tableFrame(level - 1, spot % TABLES)) * PAGE) | TABLE]);

function table(level: number, which: number): fc.Arbitrary<Contents> {
  const all = fc.oneof(
    { arbitrary: fc.constant(ladder(level)), weight: level > 0 ? 5 : 1 },
    { arbitrary: fill(level, which), weight: level > 1 ? 1 : 2 },
  );
  const some = fc.array(fc.tuple(fc.constantFrom(...SPOTS), entry(level)), { maxLength: 5 });
  return fc.tuple(all, some).map((parts) => parts.flat());
}

/** A page near the entries that are set; sometimes one with bits above those that the tables translate. */
const page = (levels: number) =>
  fc
    .tuple(fc.array(fc.constantFrom(...SPOTS), { minLength: levels, maxLength: levels }), fc.nat(9))
    .map(([spots, above]) => spots.reduce((sum, spot) => sum * 512 + spot, above > 6 ? above : 0));

const lengths = fc.tuple(fc.nat(45), fc.double({ min: 0.5, max: 1, noNaN: true }));

/** Writes a table. Entries that are not present have the encryption bit only if they are PROT_NONE. */
function put(memory: PhysicalMemory, frame: number, contents: Contents, sme: bigint): void {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of contents)
    view.setBigUint64(index * 8, (value & (PRESENT | PROTNONE)) !== 0n ? value | sme : value, true);
  memory.frames.set(frame, bytes);
}

/** A few tables at each level, some of them shared or in loops, and a range of any length. */
export const randomSpaces: fc.Arbitrary<Space> = fc.constantFrom<4 | 5>(4, 5).chain((levels) => {
  const places = Array.from({ length: levels * TABLES }, (_, i) => ({
    level: Math.floor(i / TABLES),
    which: i % TABLES,
  }));
  return fc
    .record({
      sme: fc.constantFrom(0n, 0n, 1n << 47n, 1n << 51n),
      tables: fc.tuple(...places.map(({ level, which }) => table(level, which))),
      from: page(levels),
      length: lengths,
    })
    .map(({ sme, tables, from, length: [bits, part] }) => {
      const memory = new PhysicalMemory();
      for (const [frame, gap] of MISSING) memory.gaps.set(frame, gap);
      tables.forEach((contents, i) => {
        const { level, which } = places[i] as { level: number; which: number };
        put(memory, tableFrame(level, which), contents, sme);
      });
      const root = pfn(tableFrame(levels - 1, 0));
      return { levels, sme, memory, root, from, to: from + Math.floor(2 ** bits * part) };
    });
});
