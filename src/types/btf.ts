// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import type { Readable } from '../core/lazy-bytes.js';
import { KIND, kindOf, sectionsOf, TypeSection, vlenOf } from './btf-format.js';
import type { TypeHints } from './btf-hints.js';
import { TypeIds } from './btf-ids.js';
import type { IndexedTypes, StatedIndex } from './btf-index.js';
import { LEADS, type Lead } from './btf-leads.js';
import { BtfStrings } from './btf-names.js';
import { parameterTypes } from './btf-parameters.js';
import type { KnownBtf } from './btf-record.js';
import type { DeclaredMember, TypeGraph, TypeNode } from './graph.js';

/**
 * BTF of vmlinux, or of a module on top of it (split BTF: its IDs and string offsets continue those of the base).
 * Nothing is decoded that nobody asks for. Types are found by walking them (`TypeWalk`), or in the kernel's own index.
 */
export class Btf implements TypeGraph<number> {
  readonly #first: number;
  readonly #section: TypeSection;
  readonly #strings: BtfStrings;
  readonly #ids: TypeIds;
  readonly #module: string | null;
  /** See `parameterTypes`; null until it is first needed. */
  #parameters: readonly number[] | null = null;

  /**
   * `split`: for split BTF, the ID of its first type, and the offset of its first string. `stated`: what may be the kernel's index;
   * `late`: the same, asked for only when types are walked. `known`: what is known of the same build. `hints`: where
   * names were in earlier runs. `module`: for split BTF, the name of the module.
   */
  constructor(
    readonly source: string,
    data: Readable,
    readonly base: Btf | null = null,
    {
      firstId = 1,
      firstString = 0,
      stated = [],
      late = () => [],
      known = null,
      hints = null,
      module = null,
    }: {
      readonly firstId?: number;
      readonly firstString?: number;
      readonly stated?: readonly StatedIndex[];
      readonly late?: () => readonly StatedIndex[];
      readonly known?: KnownBtf | null;
      readonly hints?: TypeHints | null;
      readonly module?: string | null;
    } = {},
  ) {
    const { types, strings, layout } = sectionsOf(data);
    const sizes = layout === null ? null : data.slice(layout.offset, layout.size);
    this.#section = new TypeSection(data.slice(types.offset, types.size), sizes);
    this.#strings = new BtfStrings(
      data.slice(strings.offset, strings.size),
      firstString,
      base === null ? null : base.#strings,
    );
    this.#first = firstId;
    const [section, own] = [this.#section, this.#strings];
    this.#ids = new TypeIds(source, { section, strings: own, first: firstId, stated, late, known, hints });
    this.#module = module;
  }

  /** Bytes of its strings. */
  get stringBytes(): number {
    return this.#strings.strings.length;
  }

  get #types(): Readable {
    return this.#section.types;
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
    const { types } = owner.#section;
    const strings = owner.#strings;
    for (let entry = at + 12; entry < at + 12 + vlen * 12; entry += 12) {
      const bits = types.u32(entry + 8);
      // With kflag, the upper eight bits are the width of a bit field.
      yield {
        name: strings.text(types.u32(entry)),
        type: types.u32(entry + 4),
        bitOffset: kflag ? bits & 0xffffff : bits,
        bitSize: kflag ? bits >>> 24 : 0,
      };
    }
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    const id = this.#ids.find('enums', name);
    if (id === null) return this.base?.enumerators(name) ?? null;
    const { at, kind, vlen } = this.#type(id);
    const step = kind === KIND.Enum ? 8 : 12;
    const values = new Map<string, number>();
    for (let i = 0; i < vlen; i++)
      values.set(this.#strings.text(this.#types.u32(at + 12 + i * step)), this.#types.i32(at + 16 + i * step));
    return values;
  }

  /** ID of a full definition. Split BTF repeats a definition of the base only if it differs, so its own comes first. */
  #structure(name: string): number | null {
    const own = this.base === null ? null : this.#ids.find('structures', name);
    return own ?? (this.base ?? this).#ids.find('structures', name, this.#wayTo(name));
  }

  /**
   * A way to a structure of the base other than walking the types: where they are not sorted, it can be so far from the start that to walk to
   * it takes longer than all else that one address needs. Null if none is known.
   */
  #wayTo(name: string): (() => number | null) | null {
    const lead = LEADS.get(name);
    // What makes it faster must not make it fail.
    if (lead !== undefined) return () => orNull(() => this.#led(name, lead));
    return this.#module !== null && name.startsWith(this.#module) ? () => orNull(() => this.#taken(name)) : null;
  }

  /** The structure of this name to which a member of another one leads; null if it does not. */
  #led(name: string, { structure, member }: Lead): number | null {
    const index = this.#indexOfBase();
    const holder = index === null ? null : this.#structure(structure);
    if (index === null || holder === null) return null;
    for (const { name: each, type } of this.members(holder)) if (each === member) return index.structureOf(type, name);
    return null;
  }

  /** The structure of this name to which a type leads that functions of the module take; null if none does. */
  #taken(name: string): number | null {
    const index = this.#indexOfBase();
    if (index === null) return null;
    this.#parameters ??= orNull(() => parameterTypes(this.#section, this.#ids.starts(), this.#first)) ?? [];
    for (const type of this.#parameters) {
      const id = index.structureOf(type, name);
      if (id !== null) return id;
    }
    return null;
  }

  #indexOfBase(): IndexedTypes | null {
    return (this.base ?? this).#ids.index;
  }

  /** The BTF that contains a type: the base or this. */
  #owner(id: number): Btf {
    return id < this.#first && this.base !== null ? this.base : this;
  }

  #type(id: number): { at: number; kind: number; vlen: number; kflag: boolean; owner: Btf } {
    const owner = this.#owner(id);
    if (id === 0) return { at: 0, kind: 0, vlen: 0, kflag: false, owner };
    const at = owner.#ids.start(id);
    const info = owner.#types.u32(at + 4);
    return { at, kind: kindOf(info), vlen: vlenOf(info), kflag: info >>> 31 === 1, owner };
  }
}
