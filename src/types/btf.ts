// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import type { Member, TypeSource } from './source.js';

/** Kinds of Linux include/uapi/linux/btf.h. */
const KIND = {
  Int: 1,
  Ptr: 2,
  Array: 3,
  Struct: 4,
  Union: 5,
  Enum: 6,
  Fwd: 7,
  Typedef: 8,
  Volatile: 9,
  Const: 10,
  Restrict: 11,
  Func: 12,
  FuncProto: 13,
  Var: 14,
  Datasec: 15,
  Float: 16,
  DeclTag: 17,
  TypeTag: 18,
  Enum64: 19,
} as const;

/** Bytes behind the 12 of each type, by kind: fixed, and for each of its vlen elements. */
const EXTRA: readonly (readonly [number, number])[] = [
  [0, 0],
  [4, 0],
  [0, 0],
  [12, 0],
  [0, 12],
  [0, 12],
  [0, 8],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 8],
  [4, 0],
  [0, 12],
  [0, 0],
  [4, 0],
  [0, 0],
  [0, 12],
];

export const BTF_MAGIC = 0xeb9f;
/** Typedefs, qualifiers and nested structures deeper than this are damage. */
const DEEPEST = 32;

interface Part {
  readonly offset: number;
  readonly size: number;
}

/** Where the parts of a BTF blob lie. hdr_len is 24, and 32 since Linux 7.1, which may bring sizes of unknown kinds. */
interface Header {
  readonly types: Part;
  readonly strings: Part;
  readonly layout: Part | null;
}

/**
 * BTF of vmlinux, or of a module on top of it (split BTF: ids and string offsets go on where the base's end).
 * Read in one pass for where each type starts; a structure's members are read when somebody asks for them.
 */
export class Btf implements TypeSource {
  /** One more than the highest type id, the base's included. */
  readonly end: number;
  readonly #starts: Uint32Array;
  readonly #first: number;
  readonly #types: Bytes;
  readonly #strings: Uint8Array;
  readonly #stringStart: number;
  /** Places in #starts of the structures, unions and enums that have a name. */
  readonly #named: Uint32Array;
  readonly #ids = new Map<string, number>();

  constructor(
    readonly source: string,
    data: Bytes,
    readonly base: Btf | null = null,
  ) {
    const { types, strings, layout } = headerOf(data);
    this.#types = data.slice(types.offset, types.size);
    this.#strings = data.slice(strings.offset, strings.size).array();
    this.#first = base?.end ?? 1;
    this.#stringStart = base === null ? 0 : base.#stringStart + base.#strings.length;
    const { starts, named } = indexTypes(this.#types, layout === null ? null : data.slice(layout.offset, layout.size));
    this.#starts = starts;
    this.#named = named;
    this.end = this.#first + starts.length;
  }

  sizeOf(name: string): number | null {
    const id = this.#structure(name);
    return id === null ? null : this.#word(id, 8);
  }

  member(name: string, path: string): Member | null {
    let id = this.#structure(name);
    let offset = 0;
    let member: Member | null = null;
    for (const step of path.split('.')) {
      if (id === null) return null;
      const found: FoundMember | null = this.#findMember(id, step, DEEPEST);
      if (found === null) return null;
      offset += found.offset;
      id = found.structure;
      member = { ...found.shape, offset };
    }
    return member;
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    const id = this.#find(name, (kind) => kind === KIND.Enum || kind === KIND.Enum64);
    if (id === null) return this.base?.enumerators(name) ?? null;
    const { at, kind, vlen } = this.#type(id);
    const step = kind === KIND.Enum ? 8 : 12;
    const values = new Map<string, number>();
    for (let i = 0; i < vlen; i++)
      values.set(this.#text(this.#types.u32(at + 12 + i * step)), this.#types.i32(at + 16 + i * step));
    return values;
  }

  /** Id of a full definition; in split BTF the base's, where it has one. */
  #structure(name: string): number | null {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id =
      (this.base === null ? null : this.base.#structure(name)) ??
      this.#find(name, (kind) => kind === KIND.Struct || kind === KIND.Union);
    if (id !== null) this.#ids.set(name, id);
    return id;
  }

  #find(name: string, accepts: (kind: number) => boolean): number | null {
    const wanted = Buffer.from(`${name}\0`, 'latin1');
    for (let i = 0; i < this.#named.length; i++) {
      const id = (this.#named[i] as number) + this.#first;
      if (this.#isNamed(this.#word(id, 0), wanted) && accepts(this.#type(id).kind)) return id;
    }
    return null;
  }

  #isNamed(offset: number, wanted: Buffer): boolean {
    if (offset < this.#stringStart) return this.base === null ? false : this.base.#isNamed(offset, wanted);
    const at = offset - this.#stringStart;
    if (this.#strings[at] !== wanted[0]) return false;
    return at + wanted.length <= this.#strings.length && wanted.compare(this.#strings, at, at + wanted.length) === 0;
  }

  #findMember(id: number, name: string, depth: number): FoundMember | null {
    if (depth === 0) throw new DumpError(`${this.source}: structures nest without end at type ${id}`);
    if (id < this.#first && this.base !== null) return this.base.#findMember(id, name, depth);
    const { at, vlen, kflag } = this.#type(id);
    for (let i = 0; i < vlen; i++) {
      const entry = at + 12 + i * 12;
      const nameOffset = this.#types.u32(entry);
      const text = this.#text(nameOffset);
      if (text !== '' && text !== name) continue;
      const type = this.#types.u32(entry + 4);
      // With kflag the upper eight bits are a bit field's width.
      const bits = kflag ? this.#types.u32(entry + 8) & 0xffffff : this.#types.u32(entry + 8);
      const offset = Math.floor(bits / 8);
      if (text === name) return { offset, ...this.#shapeOf(type) };
      const inner = this.#owner(type).#inUnnamed(type, name, depth - 1);
      if (inner !== null) return { ...inner, offset: inner.offset + offset };
    }
    return null;
  }

  #inUnnamed(type: number, name: string, depth: number): FoundMember | null {
    const id = this.#strip(type);
    const { kind } = this.#owner(id).#type(id);
    return kind === KIND.Struct || kind === KIND.Union ? this.#owner(id).#findMember(id, name, depth) : null;
  }

  #shapeOf(type: number): { shape: Omit<Member, 'offset'>; structure: number | null } {
    let id = this.#strip(type);
    let count = 1;
    let { kind, at } = this.#owner(id).#type(id);
    for (let depth = 0; kind === KIND.Array; depth++) {
      if (depth === DEEPEST) throw new DumpError(`${this.source}: arrays nest without end at type ${type}`);
      const array = this.#owner(id).#types;
      count *= array.u32(at + 20);
      id = this.#strip(array.u32(at + 12));
      ({ kind, at } = this.#owner(id).#type(id));
    }
    const element = this.#bytesOf(id, kind);
    const isStruct = kind === KIND.Struct || kind === KIND.Union;
    const numeric = kind === KIND.Int || kind === KIND.Enum || kind === KIND.Enum64;
    const what = isStruct ? 'struct' : kind === KIND.Ptr ? 'pointer' : numeric ? 'number' : 'other';
    return { shape: { size: element * count, count, element, kind: what }, structure: isStruct ? id : null };
  }

  #bytesOf(id: number, kind: number): number {
    if (kind === KIND.Ptr) return 8;
    const sized = kind === KIND.Int || kind === KIND.Enum || kind === KIND.Enum64 || kind === KIND.Float;
    return sized || kind === KIND.Struct || kind === KIND.Union ? this.#owner(id).#word(id, 8) : 0;
  }

  /** Through typedefs and qualifiers to what is meant. */
  #strip(type: number): number {
    let id = type;
    for (let depth = 0; depth < DEEPEST; depth++) {
      const { kind, at } = this.#owner(id).#type(id);
      const passes = (kind >= KIND.Typedef && kind <= KIND.Restrict) || kind === KIND.TypeTag;
      if (!passes) return id;
      id = this.#owner(id).#types.u32(at + 8);
    }
    throw new DumpError(`${this.source}: type ${type} is defined by itself`);
  }

  /** Which of the two, base or this, holds a type. */
  #owner(id: number): Btf {
    return id < this.#first && this.base !== null ? this.base : this;
  }

  #type(id: number): { at: number; kind: number; vlen: number; kflag: boolean } {
    if (id === 0) return { at: 0, kind: 0, vlen: 0, kflag: false };
    const at = this.#start(id);
    const info = this.#types.u32(at + 4);
    return { at, kind: kindOf(info), vlen: vlenOf(info), kflag: info >>> 31 === 1 };
  }

  #start(id: number): number {
    const start = this.#starts[id - this.#first];
    if (start === undefined) throw new DumpError(`${this.source}: no type ${id}`);
    return start;
  }

  #word(id: number, offset: number): number {
    return this.#types.u32(this.#start(id) + offset);
  }

  #text(offset: number): string {
    if (offset < this.#stringStart) return this.base === null ? '' : this.base.#text(offset);
    const at = offset - this.#stringStart;
    const end = this.#strings.indexOf(0, at);
    return Buffer.from(this.#strings.buffer, this.#strings.byteOffset + at, Math.max(0, end - at)).toString('latin1');
  }
}

interface FoundMember {
  readonly offset: number;
  readonly shape: Omit<Member, 'offset'>;
  /** Type id to go on in with the next step of a path. */
  readonly structure: number | null;
}

// Up to 6.18 kind has 5 bits and vlen 16; in 7.3 they have 7 and 24. The bits between were zero.
const kindOf = (info: number): number => (info >>> 24) & 0x7f;
const vlenOf = (info: number): number => info & 0xffffff;

function headerOf(data: Bytes): Header {
  const length = data.u32(4);
  if (data.u16(0) !== BTF_MAGIC || data.u8(2) !== 1 || length < 24)
    throw data.error(
      0,
      `no BTF: magic 0x${data.u16(0).toString(16)}, version ${data.u8(2)}, header of ${length} bytes`,
    );
  const part = (at: number): Part => ({ offset: length + data.u32(at), size: data.u32(at + 4) });
  const layout = length >= 32 && data.u32(28) > 0 ? part(24) : null;
  return { types: part(8), strings: part(16), layout };
}

function indexTypes(types: Bytes, layout: Bytes | null): { starts: Uint32Array; named: Uint32Array } {
  const { view } = types;
  const starts = new Uint32Array(Math.ceil(types.length / 12));
  const named = new Uint32Array(starts.length);
  let count = 0;
  let names = 0;
  for (let at = 0; at + 12 <= types.length; count++) {
    const info = view.getUint32(at + 4, true);
    const kind = kindOf(info);
    starts[count] = at;
    if (((kind >= KIND.Struct && kind <= KIND.Enum) || kind === KIND.Enum64) && view.getUint32(at, true) !== 0)
      named[names++] = count;
    const [fixed, each] = EXTRA[kind] ?? extraOf(types, at, kind, layout);
    at += 12 + fixed + each * vlenOf(info);
  }
  return { starts: starts.slice(0, count), named: named.slice(0, names) };
}

/** Size of a kind that this program does not know, from the layout section: {info size, element size, flags} a kind. */
function extraOf(types: Bytes, at: number, kind: number, layout: Bytes | null): readonly [number, number] {
  if (layout === null || kind * 4 + 4 > layout.length) throw types.error(at, `BTF type of unknown kind ${kind}`);
  return [layout.u8(kind * 4), layout.u8(kind * 4 + 1)];
}
