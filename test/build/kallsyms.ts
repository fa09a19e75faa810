// SPDX-License-Identifier: Apache-2.0
// Writes kallsyms tables in every form that kernels have used (scripts/kallsyms.c). It shares no code with the reader.

export interface KallsymsForm {
  /** How addresses are stored. */
  readonly addresses: 'absolute' | 'relative' | 'percpu' | 'place';
  /** kallsyms_num_syms and kallsyms_markers: u64 up to 4.19, u32 since. */
  readonly count: 4 | 8;
  readonly markers: 4 | 8;
  readonly alignment: 4 | 8;
  /** Whether lengths of 128 and more take two bytes, as since 6.1; else a length is one byte. */
  readonly wide: boolean;
  /** The position of kallsyms_seqs_of_names. */
  readonly sorted: 'none' | 'before tokens' | 'after addresses';
}

/** The forms, by kernel version. */
export const FORMS: Readonly<Record<string, KallsymsForm>> = {
  '4.4': { addresses: 'absolute', count: 8, markers: 8, alignment: 8, wide: false, sorted: 'none' },
  '4.19': { addresses: 'percpu', count: 8, markers: 8, alignment: 8, wide: false, sorted: 'none' },
  '5.10': { addresses: 'percpu', count: 4, markers: 4, alignment: 8, wide: false, sorted: 'none' },
  '6.0, not per cpu': { addresses: 'relative', count: 4, markers: 4, alignment: 8, wide: false, sorted: 'none' },
  '6.1': { addresses: 'percpu', count: 4, markers: 4, alignment: 8, wide: true, sorted: 'before tokens' },
  '6.6': { addresses: 'percpu', count: 4, markers: 4, alignment: 8, wide: true, sorted: 'after addresses' },
  '6.6, absolute': { addresses: 'absolute', count: 4, markers: 4, alignment: 8, wide: true, sorted: 'after addresses' },
  '6.18': { addresses: 'relative', count: 4, markers: 4, alignment: 8, wide: true, sorted: 'after addresses' },
  '7.2': { addresses: 'place', count: 4, markers: 4, alignment: 4, wide: true, sorted: 'after addresses' },
};

export interface WrittenKallsyms {
  readonly bytes: Buffer;
  /** Run-time address of each table, by its name without kallsyms_. */
  readonly tables: ReadonlyMap<string, bigint>;
}

/** Tokens for more than one letter; each letter is also a token for itself. */
const PAIRS = ['_s', 'in', 'kvm', 'it', 'task', 'er', 'Tsys_'];

/** `symbols`: the name after its type letter, and the address; ascending, except absolute per-cpu symbols, which are first. */
export function writeKallsyms(
  symbols: readonly (readonly [string, bigint])[],
  base: bigint,
  form: KallsymsForm,
): WrittenKallsyms {
  const tables = new Map<string, bigint>();
  const parts: Buffer[] = [];
  let size = 0;
  const place = (name: string, bytes: Buffer): void => {
    const padding = (form.alignment - (size % form.alignment)) % form.alignment;
    parts.push(Buffer.alloc(padding), bytes);
    tables.set(name, base + BigInt(size + padding));
    size += padding + bytes.length;
  };
  const { names, markers } = nameTables(symbols, form);
  const early = form.sorted !== 'after addresses';
  if (early) placeAddresses(symbols, form, place, tables, base);
  place('num_syms', number(symbols.length, form.count));
  place('names', names);
  place('markers', Buffer.concat(markers.map((mark) => number(mark, form.markers))));
  if (form.sorted === 'before tokens') place('seqs_of_names', sortedBytes(symbols));
  const { table, index } = tokenTables();
  place('token_table', table);
  place('token_index', index);
  if (!early) placeAddresses(symbols, form, place, tables, base + BigInt(size));
  if (form.sorted === 'after addresses') place('seqs_of_names', sortedBytes(symbols));
  return { bytes: Buffer.concat(parts), tables };
}

function placeAddresses(
  symbols: readonly (readonly [string, bigint])[],
  form: KallsymsForm,
  place: (name: string, bytes: Buffer) => void,
  tables: ReadonlyMap<string, bigint>,
  at: bigint,
): void {
  if (form.addresses === 'absolute') {
    place('addresses', Buffer.concat(symbols.map(([, address]) => number(address, 8))));
    return;
  }
  const relative = symbols.map(([, address]) => address).filter((address) => address >= 1n << 32n)[0] ?? 0n;
  const start = ((at + BigInt(form.alignment) - 1n) / BigInt(form.alignment)) * BigInt(form.alignment);
  const offset = (address: bigint, i: number): bigint => {
    if (form.addresses === 'place') return address - (start + BigInt(i) * 4n);
    if (form.addresses === 'relative') return address - relative;
    return address < 1n << 32n ? address : relative - 1n - address;
  };
  place('offsets', Buffer.concat(symbols.map(([, address], i) => number(BigInt.asUintN(32, offset(address, i)), 4))));
  if (form.addresses === 'place' && tables.get('offsets') !== start) throw new Error('offsets moved');
  if (form.addresses !== 'place') place('relative_base', number(relative, 8));
}

function nameTables(
  symbols: readonly (readonly [string, bigint])[],
  form: KallsymsForm,
): { names: Buffer; markers: number[] } {
  const names: number[] = [];
  const markers: number[] = [];
  symbols.forEach(([name], i) => {
    if (i % 256 === 0) markers.push(names.length);
    const codes = compress(name);
    if (form.wide && codes.length >= 0x80) names.push(0x80 | (codes.length & 0x7f), codes.length >> 7);
    else names.push(codes.length);
    names.push(...codes);
  });
  return { names: Buffer.from(names), markers };
}

/** Codes of 128 and above are tokens of several letters. */
function compress(name: string): number[] {
  const codes: number[] = [];
  for (let at = 0; at < name.length; ) {
    const pair = PAIRS.findIndex((text) => name.startsWith(text, at));
    codes.push(pair < 0 ? name.charCodeAt(at) : 128 + pair);
    at += pair < 0 ? 1 : (PAIRS[pair] as string).length;
  }
  return codes;
}

function tokenTables(): { table: Buffer; index: Buffer } {
  const index = Buffer.alloc(512);
  const texts = Array.from({ length: 256 }, (_, i) => (i < 128 ? String.fromCharCode(i || 1) : (PAIRS[i - 128] ?? '')));
  let at = 0;
  texts.forEach((text, i) => {
    index.writeUInt16LE(at, i * 2);
    at += text.length + 1;
  });
  return { table: Buffer.from(texts.map((text) => `${text}\0`).join(''), 'latin1'), index };
}

/** Numbers of the symbols in the order of their names, 24 bits each, big endian. */
function sortedBytes(symbols: readonly (readonly [string, bigint])[]): Buffer {
  const order = symbols
    .map(([name], i) => ({ name: name.slice(1), i }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.i - b.i));
  return Buffer.from(order.flatMap(({ i }) => [i >> 16, (i >> 8) & 0xff, i & 0xff]));
}

function number(value: number | bigint, size: 4 | 8): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out.subarray(0, size);
}
