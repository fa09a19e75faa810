// SPDX-License-Identifier: Apache-2.0
// Writes BTF (Documentation/bpf/btf.rst) for a set of layouts. It shares no code with the reader.
import type { Layouts, Members, Type } from './layout.js';

const INT = 1;
const PTR = 2;
const ARRAY = 3;
const STRUCT = 4;
const UNION = 5;
const ENUM = 6;
const TYPEDEF = 8;
const CONST = 10;
const FUNC_PROTO = 13;

export interface BtfOptions {
  /** 24; or 32, as since Linux 7.1, with the sizes of kinds after the header. */
  readonly headerLength?: 24 | 32;
  /** Unknown kinds, written first: [kind, number of bytes that follow]. */
  readonly unknownKinds?: readonly (readonly [kind: number, bytes: number])[];
  /** Numbers of types and strings of the base of a split BTF, from `BtfWriter.end`. */
  readonly base?: { readonly types: number; readonly strings: number };
  /** Structures to which pointers are written, after all else. */
  readonly pointersTo?: readonly string[];
  /** IDs of types that functions take, one each. */
  readonly takenTypes?: readonly number[];
  /** Sorts the types by name, those without a name first, as kernels are built since Linux 7.0. */
  readonly sorted?: boolean;
}

/** Structures with these names that contain each other in this order, and an enumeration. */
export const nested = (order: readonly string[]): string =>
  [
    'enum zone { LOW=1, HIGH=7 }',
    ...order.map((name, i) => {
      const inner = i === 0 ? 'u16 inner' : `struct ${order[i - 1]} inner[2]`;
      return `${name} {\nu32 first\n${inner}\nunion {\nu64 wide\nu16 half\n}\nptr last\n}`;
    }),
  ].join('\n');

/** Words of a type that are IDs of types. */
function references(words: readonly number[]): number[] {
  const kind = ((words[1] as number) >>> 24) & 0x1f;
  if (kind === ARRAY) return [3, 4];
  if (kind === PTR || kind === TYPEDEF || kind === CONST) return [2];
  return kind === STRUCT || kind === UNION ? words.flatMap((_, i) => (i >= 3 && i % 3 === 1 ? [i] : [])) : [];
}

export class BtfWriter {
  readonly #types: number[][] = [];
  readonly #strings: number[] = [0];
  readonly #offsets = new Map<string, number>();
  readonly #ids = new Map<string, number>();
  readonly #pointers = new Map<string, number>();
  readonly #first: number;
  readonly #stringStart: number;

  constructor(
    readonly layouts: Layouts,
    readonly options: BtfOptions = {},
  ) {
    this.#first = options.base?.types ?? 1;
    this.#stringStart = options.base?.strings ?? 0;
    for (const [kind, bytes] of options.unknownKinds ?? []) this.#push([0, kind * 0x1000000, 0], bytes / 4);
    for (const name of layouts.structs.keys()) this.#id({ kind: 'struct', name });
    for (const [name, values] of layouts.enums) this.#enum(name, values);
    for (const name of options.pointersTo ?? [])
      this.#pointers.set(name, this.#push([0, PTR * 0x1000000, this.#id({ kind: 'struct', name })]));
    for (const type of options.takenTypes ?? []) this.#push([0, (FUNC_PROTO * 0x1000000) | 1, 0, 0, type]);
    if (options.sorted === true) this.#sort();
  }

  /** IDs of the pointers to structures, unless the types are sorted. */
  get pointers(): ReadonlyMap<string, number> {
    return this.#pointers;
  }

  /** Offset of each type in the section of types, and the number of types without a name. */
  get places(): { starts: number[]; unnamed: number } {
    const starts: number[] = [];
    let end = 0;
    for (const words of this.#types) {
      starts.push(end);
      end += words.length * 4;
    }
    return { starts, unnamed: this.#types.filter(([name]) => name === 0).length };
  }

  #sort(): void {
    const nameOf = ([name = 0]: readonly number[]): string =>
      Buffer.from(this.#strings.slice(name, this.#strings.indexOf(0, name))).toString('latin1');
    const order = this.#types.map((words, i) => ({ words, i, name: nameOf(words) }));
    order.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.i - b.i));
    const ids = new Map(order.map(({ i }, place) => [this.#first + i, this.#first + place]));
    for (const { words } of order)
      for (const place of references(words)) words[place] = ids.get(words[place] as number) ?? 0;
    this.#types.splice(0, this.#types.length, ...order.map(({ words }) => words));
  }

  get end(): { types: number; strings: number } {
    return { types: this.#first + this.#types.length, strings: this.#stringStart + this.#strings.length };
  }

  bytes(): Uint8Array {
    const words = this.#types.flat();
    const headerLength = this.options.headerLength ?? 24;
    const sizes = headerLength === 32 ? kindSizes(this.options.unknownKinds ?? []) : Buffer.alloc(0);
    const out = Buffer.alloc(headerLength + words.length * 4 + this.#strings.length + sizes.length);
    out.writeUInt16LE(0xeb9f, 0);
    out.writeUInt8(1, 2);
    const fields = [headerLength, 0, words.length * 4, words.length * 4, this.#strings.length];
    if (headerLength === 32) fields.push(words.length * 4 + this.#strings.length, sizes.length);
    for (const [i, value] of fields.entries()) out.writeUInt32LE(value, 4 + i * 4);
    for (const [i, word] of words.entries()) out.writeUInt32LE(word >>> 0, headerLength + i * 4);
    out.set(this.#strings, headerLength + words.length * 4);
    out.set(sizes, headerLength + words.length * 4 + this.#strings.length);
    return out;
  }

  #id(type: Type): number {
    const key = type.kind === 'struct' ? `struct ${type.name}` : JSON.stringify(type);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (type.kind === 'int')
      return this.#remember(key, [
        this.#string(type.name),
        INT * 0x1000000,
        type.size,
        (type.signed ? 0x1000000 : 0) | (type.size * 8),
      ]);
    if (type.kind === 'pointer') return this.#remember(key, [0, PTR * 0x1000000, 0]);
    if (type.kind === 'array') {
      const [of, index] = [this.#id(type.of), this.#id({ kind: 'int', size: 4, name: 'unsigned int', signed: false })];
      return this.#remember(key, [0, ARRAY * 0x1000000, 0, of, index, type.count]);
    }
    return this.#structure(
      key,
      type.kind === 'struct' ? type.name : '',
      this.layouts.members(type),
      type,
      type.kind === 'anonymous' && type.union,
    );
  }

  /** The number of a structure is allocated before its members are written, since it may contain pointers to itself. */
  #structure(key: string, name: string, members: Members, type: Type, union: boolean): number {
    const words = [
      this.#string(name),
      ((union ? UNION : STRUCT) * 0x1000000) | members.length,
      this.layouts.size(type),
    ];
    const id = this.#remember(key, words);
    for (const { name: member, type: inner, offset } of this.layouts.place(members, union))
      words.push(
        this.#string(member.startsWith('__pad') ? `${member}_${name}` : member),
        this.#wrapped(inner),
        offset * 8,
      );
    return id;
  }

  /** Wraps some members in a typedef and a const, as in kernels. */
  #wrapped(type: Type): number {
    const id = this.#id(type);
    if (type.kind !== 'int' || type.size !== 2) return id;
    const qualified = this.#push([0, CONST * 0x1000000, id]);
    return this.#push([this.#string('wrapped_t'), TYPEDEF * 0x1000000, qualified]);
  }

  #enum(name: string, values: readonly (readonly [string, number])[]): void {
    this.#push([
      this.#string(name),
      (ENUM * 0x1000000) | values.length,
      4,
      ...values.flatMap(([text, value]) => [this.#string(text), value]),
    ]);
  }

  #remember(key: string, words: number[]): number {
    const id = this.#push(words);
    this.#ids.set(key, id);
    return id;
  }

  #push(words: number[], more = 0): number {
    this.#types.push(words);
    for (let i = 0; i < more; i++) words.push(0xeeeeeeee);
    return this.#first + this.#types.length - 1;
  }

  #string(text: string): number {
    if (text === '') return 0;
    let offset = this.#offsets.get(text);
    if (offset === undefined) {
      offset = this.#stringStart + this.#strings.length;
      this.#strings.push(...Buffer.from(`${text}\0`, 'latin1'));
      this.#offsets.set(text, offset);
    }
    return offset;
  }
}

/** {info size, element size, flags} of every kind up to the last unknown one. */
function kindSizes(unknown: readonly (readonly [number, number])[]): Buffer {
  const last = Math.max(19, ...unknown.map(([kind]) => kind));
  const sizes = Buffer.alloc((last + 1) * 4);
  for (const [kind, bytes] of unknown) sizes.writeUInt8(bytes, kind * 4);
  return sizes;
}
