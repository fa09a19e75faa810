// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Memory } from '../core/memory.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { SymbolHints } from '../symbols/hints.js';
import { type Anchor, Kallsyms, type KallsymsTables } from '../symbols/kallsyms.js';
import { likelyTokens } from '../symbols/kallsyms-probe.js';
import { type AddressRange, scanKallsyms } from '../symbols/kallsyms-scan.js';
import { KERNEL_IMAGE_SIZE, LONGEST_IMAGE, START_KERNEL_MAP } from './bootstrap.js';

/** Bytes of the image that are searched in one step. */
const PIECE = 0x200000n;

/** The kernel's own symbols at the addresses in VMCOREINFO; null if it does not have them (before Linux 6.0). */
export function namedKallsyms(
  memory: Memory,
  info: VmCoreInfo,
  release: string,
  hints: SymbolHints | null,
): Kallsyms | null {
  const tables = namedTables(info);
  return tables === null ? null : new Kallsyms(memory, tables, anchorOf(info, release), { hints });
}

/** The kernel's own symbols, found by a scan of its image. Throws `DumpError` if it has none. */
export function scannedKallsyms(memory: Memory, info: VmCoreInfo, release: string): Kallsyms {
  const anchor = anchorOf(info, release);
  const found = scanKallsyms(memory, placesToScan(memory, info, anchor.address), anchor);
  if (found !== null) return found;
  throw new DumpError(
    `kernel ${release}: VMCOREINFO has no kallsyms tables, and a scan of the kernel's image found none`,
    {
      code: 'no-symbols',
    },
  );
}

function anchorOf(info: VmCoreInfo, release: string): Anchor {
  const address = info.symbol('_stext');
  if (address === null)
    throw new DumpError(`kernel ${release}: VMCOREINFO has no SYMBOL(_stext)`, { code: 'no-symbols' });
  if (address >= START_KERNEL_MAP && address < START_KERNEL_MAP + KERNEL_IMAGE_SIZE) return { name: '_stext', address };
  throw new DumpError(
    `kernel ${release}: VMCOREINFO puts _stext at 0x${address.toString(16)}, outside the mapping of the kernel's image`,
  );
}

function namedTables(info: VmCoreInfo): KallsymsTables | null {
  const table = (name: string) => info.symbol(`kallsyms_${name}`);
  const numSyms = table('num_syms');
  const names = table('names');
  const tokenTable = table('token_table');
  const tokenIndex = table('token_index');
  if (numSyms === null || names === null || tokenTable === null || tokenIndex === null) return null;
  const rest = { offsets: table('offsets'), relativeBase: table('relative_base'), addresses: table('addresses') };
  return { numSyms, names, tokenTable, tokenIndex, addresses: [rest] };
}

function* placesToScan(memory: Memory, info: VmCoreInfo, stext: bigint): Generator<AddressRange> {
  yield* likelyTokens(memory, stext, dataOf(info, stext)[0] ?? stext);
  yield* partsOfImage(info, stext);
}

/** Ascending addresses of data symbols in VMCOREINFO. */
const dataOf = (info: VmCoreInfo, stext: bigint): bigint[] =>
  [...info.symbols().values()]
    .filter((address) => address > stext && address < stext + LONGEST_IMAGE)
    .sort((a, b) => (a < b ? -1 : 1));

/**
 * Ranges of the kernel's image, most likely first. Its symbol tables are read-only data, which ends before the first
 * data symbol in VMCOREINFO: backwards from there, and last what follows.
 */
export function* partsOfImage(info: VmCoreInfo, stext: bigint): Generator<AddressRange> {
  const data = dataOf(info, stext);
  const [first = stext] = data;
  for (let to = first; to > stext; to -= PIECE) yield [to - PIECE > stext ? to - PIECE : stext, to];
  yield [first, data.at(-1) ?? first];
}
