// SPDX-License-Identifier: Apache-2.0
// The format of BTF: Documentation/bpf/btf.rst and include/uapi/linux/btf.h of Linux.
import type { Readable } from '../core/lazy-bytes.js';

/** BTF_KIND_*. */
export const KIND = {
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

/** Size of struct btf_type in bytes. */
export const TYPE_SIZE = 12;

/** Bytes of a type, by kind: a fixed number (`FIXED`), which includes struct btf_type, and a number for each of vlen elements (`EACH`). */
export const FIXED = Uint8Array.of(12, 16, 12, 24, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 16, 12, 12, 16, 12, 12);
export const EACH = Uint8Array.of(0, 0, 0, 0, 12, 12, 8, 0, 0, 0, 0, 0, 0, 8, 0, 12, 0, 0, 0, 12);
/** Number of the kinds that are known. */
export const KINDS = FIXED.length;

// Up to 6.18, kind has 5 bits and vlen 16; in 7.3, 7 and 24. The bits in between were zero before.
export const kindOf = (info: number): number => (info >>> 24) & 0x7f;
export const vlenOf = (info: number): number => info & 0xffffff;

export const BTF_MAGIC = 0xeb9f;

interface Part {
  readonly offset: number;
  readonly size: number;
}

/** Sections of BTF data. hdr_len is 24; since Linux 7.1 it is 32, and a section may give the sizes of unknown kinds. */
interface Sections {
  readonly types: Part;
  readonly strings: Part;
  readonly layout: Part | null;
}

/** The sections that the header names. Throws `DumpError` if it is not a header of BTF. */
export function sectionsOf(data: Readable): Sections {
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

/** The section of types, and how many bytes each type takes. */
export class TypeSection {
  constructor(
    readonly types: Readable,
    /** {info size, element size, flags} for each kind; null if there is no such section. */
    readonly layout: Readable | null,
  ) {}

  /** Bytes of the type at an offset. Throws `DumpError` for an unknown kind of unknown size. */
  sizeAt(at: number): number {
    return this.size(at, this.types.u32(at + 4));
  }

  /** The same, if its `info` is known. */
  size(at: number, info: number): number {
    const kind = kindOf(info);
    if (kind < KINDS) return (FIXED[kind] as number) + (EACH[kind] as number) * vlenOf(info);
    const { types, layout } = this;
    if (layout === null || kind * 4 + 4 > layout.length) throw types.error(at, `BTF type of unknown kind ${kind}`);
    return TYPE_SIZE + layout.u8(kind * 4) + layout.u8(kind * 4 + 1) * vlenOf(info);
  }
}
