// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { DeclaredMember, TypeGraph, TypeNode } from '../graph.js';
import { AT, FORM, TAG } from './constants.js';
import { Cursor } from './cursor.js';
import { type DefinitionKind, type Definitions, SearchedDefinitions } from './definitions.js';
import { Entries, type Entry } from './entries.js';
import type { Reference } from './values.js';

/** DW_OP_plus_uconst and DW_OP_constu. In DWARF 2, the offset of a member is an expression with one of them. */
const PLUS_UCONST = 0x23;
const CONSTU = 0x10;

/** A type, as an entry of a file; null is void. */
export type DwarfType = { readonly file: Entries; readonly entry: Entry } | null;

/** The types of a file of debug information, DWARF 2 to 5. */
export class DwarfGraph implements TypeGraph<DwarfType> {
  readonly source: string;
  readonly #file: Entries;
  readonly #definitions: Definitions;
  /** The file that dwz moved common entries to. */
  readonly #alternate: { readonly file: Entries; readonly definitions: Definitions } | null;
  /** Offsets of the types of type units, by signature; read when the first is asked for. */
  #signatures: ReadonlyMap<bigint, number> | null = null;

  constructor(source: string, file: Entries, definitions: Definitions) {
    this.source = source;
    this.#file = file;
    this.#definitions = definitions;
    const { alternate } = file.sections;
    const common = alternate === null ? null : new Entries(alternate);
    this.#alternate = common === null ? null : { file: common, definitions: new SearchedDefinitions(common, []) };
  }

  key(type: DwarfType): string {
    return type === null ? 'void' : `${type.file === this.#file ? '' : 'alternate:'}${type.entry.offset}`;
  }

  structure(name: string): DwarfType {
    return this.#placed('structure', name);
  }

  node(type: DwarfType): TypeNode<DwarfType> {
    if (type === null) return { kind: 'other', bytes: 0 };
    const { file, entry } = type;
    const bytes = file.number(entry, AT.ByteSize) ?? 0;
    switch (entry.tag) {
      case TAG.StructureType:
      case TAG.UnionType:
        return this.#structureNode(type, bytes);
      case TAG.BaseType:
        return { kind: 'number', bytes };
      case TAG.EnumerationType:
        return bytes > 0 ? { kind: 'number', bytes } : { kind: 'alias', to: this.#typeOf(type) };
      case TAG.PointerType:
        return { kind: 'pointer', bytes: 8 };
      case TAG.ArrayType:
        return { kind: 'array', element: this.#typeOf(type), count: countOf(file, entry) };
      case TAG.Typedef:
      case TAG.ConstType:
      case TAG.VolatileType:
      case TAG.RestrictType:
      case TAG.AtomicType:
        return { kind: 'alias', to: this.#typeOf(type) };
      default:
        return { kind: 'other', bytes };
    }
  }

  *members(structure: DwarfType): Generator<DeclaredMember<DwarfType>> {
    if (structure === null) return;
    const { file, entry } = structure;
    for (const child of file.children(entry)) {
      if (child.tag !== TAG.Member) continue;
      const member = { file, entry: child };
      const bitSize = file.number(child, AT.BitSize) ?? 0;
      yield {
        name: file.text(child, AT.Name) ?? '',
        type: this.#typeOf(member),
        bitOffset: this.#bitOffset(member, bitSize),
        bitSize,
      };
    }
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    const type = this.#placed('enumeration', name);
    if (type === null) return null;
    const values = new Map<string, number>();
    for (const child of type.file.children(type.entry))
      if (child.tag === TAG.Enumerator)
        values.set(type.file.text(child, AT.Name) ?? '', type.file.number(child, AT.ConstValue) ?? 0);
    return values;
  }

  /** A declaration is an alias of the definition in a type unit, or elsewhere in the file. */
  #structureNode(type: NonNullable<DwarfType>, bytes: number): TypeNode<DwarfType> {
    const { file, entry } = type;
    const signature = file.reference(entry, AT.Signature);
    if (signature === null && file.number(entry, AT.Declaration) === null) return { kind: 'struct', bytes };
    const definition =
      signature === null ? this.structure(file.text(entry, AT.Name) ?? '') : this.#follow(file, signature);
    return definition === null ? { kind: 'other', bytes: 0 } : { kind: 'alias', to: definition };
  }

  /** Offset of a member from the start of the structure, in bits. */
  #bitOffset(member: NonNullable<DwarfType>, bitSize: number): number {
    const { file, entry } = member;
    const direct = file.number(entry, AT.DataBitOffset);
    if (direct !== null) return direct;
    const start = placeOf(file, entry) * 8;
    const fromTop = file.number(entry, AT.BitOffset);
    if (fromTop === null) return start;
    // Up to DWARF 3, bit fields are counted from the top of the number that contains them.
    const holder = file.number(entry, AT.ByteSize) ?? this.#sizeOf(this.#typeOf(member));
    return start + holder * 8 - fromTop - bitSize;
  }

  #sizeOf(type: DwarfType): number {
    let at = type;
    for (let depth = 0; depth < 32; depth++) {
      const node = this.node(at);
      if (node.kind === 'array') return 0;
      if (node.kind !== 'alias') return node.bytes;
      at = node.to;
    }
    throw new DumpError(`${this.source}: a type is defined in terms of itself`);
  }

  #placed(kind: DefinitionKind, name: string): DwarfType {
    const own = { file: this.#file, definitions: this.#definitions };
    for (const { file, definitions } of this.#alternate === null ? [own] : [own, this.#alternate]) {
      const place = definitions.find(kind, name);
      const entry = place === null ? null : file.entry(file.unit(place.unit), place.entry);
      if (entry !== null) return { file, entry };
    }
    return null;
  }

  #typeOf({ file, entry }: NonNullable<DwarfType>): DwarfType {
    const reference = file.reference(entry, AT.Type);
    return reference === null ? null : this.#follow(file, reference, entry);
  }

  #follow(file: Entries, reference: Reference, from: Entry | null = null): DwarfType {
    if (reference.kind === 'signature') return this.#bySignature(reference.signature);
    const target = reference.kind === 'alternate' ? (this.#alternate?.file ?? null) : file;
    if (target === null)
      throw new DumpError(`${this.source}: a type is in another file`, {
        code: 'wrong-file',
        hint: 'the file named in its section .gnu_debugaltlink is needed as well',
      });
    const { offset } = reference;
    const near = reference.kind === 'info' && from !== null && inUnit(from, offset);
    const unit = near ? from.unit : target.unit(target.unitAt(offset));
    const entry = target.entry(unit, offset);
    return entry === null ? null : { file: target, entry };
  }

  #bySignature(signature: bigint): DwarfType {
    this.#signatures ??= signaturesOf(this.#file);
    const offset = this.#signatures.get(signature);
    if (offset === undefined)
      throw new DumpError(`${this.source}: no type unit has the signature 0x${signature.toString(16)}`);
    const entry = this.#file.entry(this.#file.unit(this.#file.unitAt(offset)), offset);
    return entry === null ? null : { file: this.#file, entry };
  }
}

const inUnit = ({ unit: { header } }: Entry, offset: number): boolean => offset >= header.start && offset < header.end;

function signaturesOf(file: Entries): ReadonlyMap<bigint, number> {
  const signatures = new Map<bigint, number>();
  for (const { signature, start, typeOffset } of file.headers())
    if (signature !== null) signatures.set(signature, start + typeOffset);
  return signatures;
}

/** No array of the kernel has more elements. */
const MOST_ELEMENTS = 2 ** 31;

/** Number of elements of an array, the product of its dimensions; 0 if it is flexible. */
function countOf(file: Entries, array: Entry): number {
  let count = 1;
  for (const child of file.children(array)) {
    if (child.tag !== TAG.SubrangeType) continue;
    const bound = file.number(child, AT.UpperBound);
    // gcc gives a flexible array the upper bound -1, in some unsigned form.
    const elements = file.number(child, AT.Count) ?? (bound === null ? 0 : bound + 1);
    count *= elements > MOST_ELEMENTS ? 0 : elements;
  }
  return count;
}

/** Offset of a member in bytes. Members of a union have no DW_AT_data_member_location. */
function placeOf(file: Entries, member: Entry): number {
  const constant = file.number(member, AT.DataMemberLocation);
  if (constant !== null) return constant;
  const value = member.values.get(AT.DataMemberLocation);
  if (value === undefined) return 0;
  const cursor = new Cursor(member.unit.bytes, value.at - member.unit.header.start);
  const length = value.attribute.form === FORM.Block1 ? cursor.u8() : cursor.uleb();
  const operation = length === 0 ? -1 : cursor.u8();
  if (operation === PLUS_UCONST || operation === CONSTU) return cursor.uleb();
  throw cursor.error(`unknown operation 0x${operation.toString(16)} in the offset of a member`);
}
