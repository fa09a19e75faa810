// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Member, TypeSource } from './source.js';

/** What a type is. `R` is the graph's reference to a type. Sizes are in bytes. */
export type TypeNode<R> =
  | { readonly kind: 'struct' | 'number' | 'pointer' | 'other'; readonly bytes: number }
  /** `count` is 0 for a flexible array; with several dimensions it may be their product. */
  | { readonly kind: 'array'; readonly element: R; readonly count: number }
  /** A typedef or a qualifier. */
  | { readonly kind: 'alias'; readonly to: R };

/** A member as declared; `name` is empty for an unnamed structure or union. */
export interface DeclaredMember<R> {
  readonly name: string;
  readonly type: R;
  readonly bitOffset: number;
  /** Width of a bit field in bits; 0 for any other member. */
  readonly bitSize: number;
}

/** Descriptions of types that refer to each other, as in BTF and DWARF. */
export interface TypeGraph<R> {
  readonly source: string;
  /** The full definition of `struct name` or `union name`; null if there is none. */
  structure(name: string): R | null;
  node(type: R): TypeNode<R>;
  /** The members of a structure or union. */
  members(structure: R): Iterable<DeclaredMember<R>>;
  /** Names and values of `enum name`; null if there is none. */
  enumerators(name: string): ReadonlyMap<string, number> | null;
  /** A value that is equal for references to the same type. */
  key(type: R): unknown;
}

/** Typedefs, qualifiers, arrays or structures that are nested more deeply are damage. */
const DEEPEST = 32;
/** Most members of a structure, with those of unnamed structures in it; task_struct has 300. */
const MOST_MEMBERS = 100_000;

/** A member with its offset, in bytes, in the outer structure; `bitSize` is the width of a bit field, else 0. */
interface Placed<R> {
  readonly offset: number;
  readonly type: R;
  readonly bitSize: number;
}

/** The members of a structure that were found so far, and how many were looked at. */
interface Found<R> {
  readonly members: Map<string, Placed<R>>;
  seen: number;
}

/** Looks up structures and members by name in a graph of types. */
export class GraphTypes<R> implements TypeSource {
  readonly #graph: TypeGraph<R>;
  readonly #structures = new Map<string, R | null>();
  readonly #members = new Map<unknown, ReadonlyMap<string, Placed<R>>>();

  constructor(graph: TypeGraph<R>) {
    this.#graph = graph;
  }

  get source(): string {
    return this.#graph.source;
  }

  sizeOf(name: string): number | null {
    const structure = this.#structure(name);
    if (structure === null) return null;
    const node = this.#graph.node(structure);
    return 'bytes' in node ? node.bytes : null;
  }

  member(name: string, path: string): Member | null {
    let structure = this.#structure(name);
    let offset = 0;
    let member: Member | null = null;
    for (const step of path.split('.')) {
      const placed: Placed<R> | undefined = structure === null ? undefined : this.#membersOf(structure).get(step);
      if (placed === undefined) return null;
      offset += placed.offset;
      const shape = this.#shapeOf(placed);
      structure = shape.structure;
      member = { ...shape.member, offset };
    }
    return member;
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    return this.#graph.enumerators(name);
  }

  #structure(name: string): R | null {
    let found = this.#structures.get(name);
    if (found === undefined) {
      found = this.#graph.structure(name);
      this.#structures.set(name, found);
    }
    return found;
  }

  /** All members of a structure by name, collected when the first is asked for. */
  #membersOf(structure: R): ReadonlyMap<string, Placed<R>> {
    const key = this.#graph.key(structure);
    const known = this.#members.get(key);
    if (known !== undefined) return known;
    const found: Found<R> = { members: new Map(), seen: 0 };
    this.#collect(structure, 0, found, DEEPEST);
    this.#members.set(key, found.members);
    return found.members;
  }

  /** Members of unnamed structures inside are included. If a name occurs twice, the first counts. */
  #collect(structure: R, start: number, found: Found<R>, depth: number): void {
    if (depth === 0) throw new DumpError(`${this.source}: structures are nested too deeply`);
    const { members } = found;
    for (const { name, type, bitOffset, bitSize } of this.#graph.members(structure)) {
      // Structures that each have the next one twice would double the work at each depth.
      if (found.seen++ === MOST_MEMBERS) throw new DumpError(`${this.source}: a structure has too many members`);
      const offset = start + Math.floor(bitOffset / 8);
      if (name !== '') {
        if (!members.has(name)) members.set(name, { offset, type, bitSize });
        continue;
      }
      const inner = this.#strip(type);
      if (this.#graph.node(inner).kind === 'struct') this.#collect(inner, offset, found, depth - 1);
    }
  }

  /** A bit field gets size 0 and kind `other`, so that it is not read as a number. */
  #shapeOf({ type, bitSize }: Placed<R>): { member: Omit<Member, 'offset'>; structure: R | null } {
    if (bitSize > 0) return { member: { size: 0, count: 1, element: 0, kind: 'other' }, structure: null };
    let id = this.#strip(type);
    let node = this.#graph.node(id);
    let count = 1;
    for (let depth = 0; node.kind === 'array'; depth++) {
      if (depth === DEEPEST) throw new DumpError(`${this.source}: arrays are nested too deeply`);
      count *= node.count;
      id = this.#strip(node.element);
      node = this.#graph.node(id);
    }
    const element = 'bytes' in node ? node.bytes : 0;
    const kind = node.kind === 'alias' ? 'other' : node.kind;
    return { member: { size: element * count, count, element, kind }, structure: kind === 'struct' ? id : null };
  }

  /** The type without typedefs and qualifiers. */
  #strip(type: R): R {
    let id = type;
    for (let depth = 0; depth < DEEPEST; depth++) {
      const node = this.#graph.node(id);
      if (node.kind !== 'alias') return id;
      id = node.to;
    }
    throw new DumpError(`${this.source}: a type is defined in terms of itself`);
  }
}
