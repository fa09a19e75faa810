// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Readable } from '../core/lazy-bytes.js';
import type { DeclaredMember, TypeGraph, TypeNode } from './graph.js';

/** BTF_KIND_* of Linux include/uapi/linux/btf.h. */
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

/** Bytes that follow the 12 of struct btf_type, by kind: a fixed number, and a number for each of vlen elements. */
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
/** Bytes of types that are walked in one step. */
const BATCH = 0x10000;

interface Part {
  readonly offset: number;
  readonly size: number;
}

/** Sections of BTF data. hdr_len is 24; since Linux 7.1 it is 32, and a section may give the sizes of unknown kinds. */
interface Header {
  readonly types: Part;
  readonly strings: Part;
  readonly layout: Part | null;
}

/**
 * BTF of vmlinux, or of a module on top of it (split BTF: its IDs and string offsets continue those of the base).
 * Types have no index, so they are walked from the first, but no further than to the last that was asked for: most
 * structures that are needed are near the start, and the pages of the rest need not be read.
 */
export class Btf implements TypeGraph<number> {
  readonly #first: number;
  readonly #types: Readable;
  readonly #strings: Readable;
  readonly #stringStart: number;
  readonly #layout: Readable | null;
  /** Offset of each type walked so far. */
  readonly #starts: Uint32Array;
  #count = 0;
  #walked = 0;
  /** IDs of the structures and unions (`#enums`: of the enums) walked so far, the first of each name. */
  readonly #structures = new Map<string, number>();
  readonly #enums = new Map<string, number>();

  constructor(
    readonly source: string,
    data: Readable,
    readonly base: Btf | null = null,
    /** For split BTF: the ID of its first type, and the offset of its first string. */
    split: { readonly firstId: number; readonly firstString: number } = { firstId: 1, firstString: 0 },
  ) {
    const { types, strings, layout } = headerOf(data);
    this.#types = data.slice(types.offset, types.size);
    this.#strings = data.slice(strings.offset, strings.size);
    this.#layout = layout === null ? null : data.slice(layout.offset, layout.size);
    this.#first = split.firstId;
    this.#stringStart = split.firstString;
    this.#starts = new Uint32Array(Math.ceil(types.size / 12));
  }

  structure(name: string): number | null {
    return this.#structure(name);
  }

  key(type: number): number {
    return type;
  }

  node(type: number): TypeNode<number> {
    const { at, kind, owner } = this.#type(type);
    switch (kind) {
      case KIND.Struct:
      case KIND.Union:
        return { kind: 'struct', bytes: owner.#types.u32(at + 8) };
      case KIND.Int:
      case KIND.Enum:
      case KIND.Enum64:
        return { kind: 'number', bytes: owner.#types.u32(at + 8) };
      case KIND.Ptr:
        return { kind: 'pointer', bytes: 8 };
      case KIND.Float:
        return { kind: 'other', bytes: owner.#types.u32(at + 8) };
      case KIND.Array:
        return { kind: 'array', element: owner.#types.u32(at + 12), count: owner.#types.u32(at + 20) };
      case KIND.Typedef:
      case KIND.Volatile:
      case KIND.Const:
      case KIND.Restrict:
      case KIND.TypeTag:
        return { kind: 'alias', to: owner.#types.u32(at + 8) };
      default:
        return { kind: 'other', bytes: 0 };
    }
  }

  *members(structure: number): Generator<DeclaredMember<number>> {
    const { at, kind, vlen, kflag, owner } = this.#type(structure);
    if (kind !== KIND.Struct && kind !== KIND.Union) return;
    for (let i = 0; i < vlen; i++) {
      const entry = at + 12 + i * 12;
      const bits = owner.#types.u32(entry + 8);
      // With kflag, the upper eight bits are the width of a bit field.
      yield {
        name: owner.#text(owner.#types.u32(entry)),
        type: owner.#types.u32(entry + 4),
        bitOffset: kflag ? bits & 0xffffff : bits,
        bitSize: kflag ? bits >>> 24 : 0,
      };
    }
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    const id = this.#find(this.#enums, name);
    if (id === null) return this.base?.enumerators(name) ?? null;
    const { at, kind, vlen } = this.#type(id);
    const step = kind === KIND.Enum ? 8 : 12;
    const values = new Map<string, number>();
    for (let i = 0; i < vlen; i++)
      values.set(this.#text(this.#types.u32(at + 12 + i * step)), this.#types.i32(at + 16 + i * step));
    return values;
  }

  /** ID of a full definition. Split BTF repeats a definition of the base only if it differs, so its own comes first. */
  #structure(name: string): number | null {
    return this.#find(this.#structures, name) ?? (this.base === null ? null : this.base.#structure(name));
  }

  #find(ids: ReadonlyMap<string, number>, name: string): number | null {
    let id = ids.get(name);
    while (id === undefined && this.#step()) id = ids.get(name);
    return id ?? null;
  }

  /** Walks some more types; false at the end. */
  #step(): boolean {
    const from = this.#walked;
    const stop = Math.min(this.#types.length, from + BATCH) - 12;
    if (from > stop) return false;
    // The window has the first 12 bytes of each type that starts at or before `stop`.
    const view = this.#types.window(from, BATCH);
    let at = from;
    while (at <= stop) {
      const info = view.getUint32(at - from + 4, true);
      const kind = kindOf(info);
      if (kind >= KIND.Struct && kind <= KIND.Enum) this.#name(kind === KIND.Enum ? this.#enums : this.#structures, at);
      else if (kind === KIND.Enum64) this.#name(this.#enums, at);
      this.#starts[this.#count++] = at;
      const extra = EXTRA[kind] ?? extraOf(this.#types, at, kind, this.#layout);
      at += 12 + extra[0] + extra[1] * vlenOf(info);
    }
    this.#walked = at;
    return true;
  }

  #name(ids: Map<string, number>, at: number): void {
    const offset = this.#types.u32(at);
    if (offset === 0) return;
    const name = this.#text(offset);
    if (!ids.has(name)) ids.set(name, this.#first + this.#count);
  }

  /** The BTF that contains a type: the base or this. */
  #owner(id: number): Btf {
    return id < this.#first && this.base !== null ? this.base : this;
  }

  #type(id: number): { at: number; kind: number; vlen: number; kflag: boolean; owner: Btf } {
    const owner = this.#owner(id);
    if (id === 0) return { at: 0, kind: 0, vlen: 0, kflag: false, owner };
    const at = owner.#start(id);
    const info = owner.#types.u32(at + 4);
    return { at, kind: kindOf(info), vlen: vlenOf(info), kflag: info >>> 31 === 1, owner };
  }

  #start(id: number): number {
    while (id - this.#first >= this.#count && this.#step());
    const start = this.#starts[id - this.#first];
    if (start === undefined || id - this.#first >= this.#count)
      throw new DumpError(`${this.source}: type ${id} not found`);
    return start;
  }

  #text(offset: number): string {
    if (offset < this.#stringStart) return this.base === null ? '' : this.base.#text(offset);
    return this.#strings.text(offset - this.#stringStart);
  }
}

// Up to 6.18, kind has 5 bits and vlen 16; in 7.3, 7 and 24. The bits in between were zero before.
const kindOf = (info: number): number => (info >>> 24) & 0x7f;
const vlenOf = (info: number): number => info & 0xffffff;

function headerOf(data: Readable): Header {
  const length = data.u32(4);
  if (data.u16(0) !== BTF_MAGIC || data.u8(2) !== 1 || length < 24)
    throw data.error(
      0,
      `not BTF: magic 0x${data.u16(0).toString(16)}, version ${data.u8(2)}, header of ${length} bytes`,
    );
  const part = (at: number): Part => ({ offset: length + data.u32(at), size: data.u32(at + 4) });
  const layout = length >= 32 && data.u32(28) > 0 ? part(24) : null;
  return { types: part(8), strings: part(16), layout };
}

/** Size of an unknown kind, from the layout section, which has {info size, element size, flags} for each kind. */
function extraOf(types: Readable, at: number, kind: number, layout: Readable | null): readonly [number, number] {
  if (layout === null || kind * 4 + 4 > layout.length) throw types.error(at, `BTF type of unknown kind ${kind}`);
  return [layout.u8(kind * 4), layout.u8(kind * 4 + 1)];
}
