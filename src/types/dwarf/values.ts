// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { Attribute } from './abbrev.js';
import { FORM } from './constants.js';
import type { Cursor } from './cursor.js';
import type { DebugSections } from './sections.js';
import type { UnitHeader } from './units.js';

/** Target of a reference: an offset in .debug_info, one in the file that dwz made, or the signature of a type unit. */
export type Reference =
  | { readonly kind: 'info'; readonly offset: number }
  | { readonly kind: 'alternate'; readonly offset: number }
  | { readonly kind: 'signature'; readonly signature: bigint };

/** What is needed to decode attribute values of a unit, in addition to their bytes. */
export interface UnitContext {
  readonly header: UnitHeader;
  readonly sections: DebugSections;
  /** DW_AT_str_offsets_base. */
  readonly stringsBase: number;
}

/** Skips a value of a form. Throws `DumpError` if the form is unknown. */
export function skipValue(cursor: Cursor, form: number, { offsetSize, addressSize, version }: UnitHeader): void {
  const fixed = FIXED[form];
  if (fixed !== undefined) {
    cursor.skip(fixed);
    return;
  }
  switch (form) {
    case FORM.Addr:
      cursor.skip(addressSize);
      return;
    case FORM.RefAddr:
      cursor.skip(version === 2 ? addressSize : offsetSize);
      return;
    case FORM.Strp:
    case FORM.SecOffset:
    case FORM.LineStrp:
    case FORM.StrpSup:
    case FORM.GnuRefAlt:
    case FORM.GnuStrpAlt:
      cursor.skip(offsetSize);
      return;
    case FORM.Block1:
      cursor.skip(cursor.u8());
      return;
    case FORM.Block2:
      cursor.skip(cursor.u16());
      return;
    case FORM.Block4:
      cursor.skip(cursor.u32());
      return;
    case FORM.Block:
    case FORM.Exprloc:
      cursor.skip(cursor.uleb());
      return;
    case FORM.String:
      while (cursor.u8() !== 0);
      return;
    case FORM.Sdata:
    case FORM.Udata:
    case FORM.RefUdata:
    case FORM.Strx:
    case FORM.Addrx:
    case FORM.Loclistx:
    case FORM.Rnglistx:
    case FORM.GnuAddrIndex:
    case FORM.GnuStrIndex:
      cursor.uleb();
      return;
    case FORM.Indirect:
      skipIndirect(cursor, { offsetSize, addressSize, version } as UnitHeader);
      return;
    default:
      throw cursor.error(`unknown attribute form 0x${form.toString(16)}`);
  }
}

/** DW_FORM_indirect: the real form precedes the value, and can't be indirect again. */
function skipIndirect(cursor: Cursor, header: UnitHeader): void {
  const form = cursor.uleb();
  if (form === FORM.Indirect) throw cursor.error('an indirect attribute form refers to another indirect form');
  skipValue(cursor, form, header);
}

/** Size in bytes of the forms with a fixed size. */
export const FIXED: Readonly<Record<number, number>> = {
  [FORM.Data1]: 1,
  [FORM.Flag]: 1,
  [FORM.Ref1]: 1,
  [FORM.Strx1]: 1,
  [FORM.Addrx1]: 1,
  [FORM.Data2]: 2,
  [FORM.Ref2]: 2,
  [FORM.Strx2]: 2,
  [FORM.Addrx2]: 2,
  [FORM.Strx3]: 3,
  [FORM.Addrx3]: 3,
  [FORM.Data4]: 4,
  [FORM.Ref4]: 4,
  [FORM.Strx4]: 4,
  [FORM.Addrx4]: 4,
  [FORM.RefSup4]: 4,
  [FORM.Data8]: 8,
  [FORM.Ref8]: 8,
  [FORM.RefSig8]: 8,
  [FORM.RefSup8]: 8,
  [FORM.Data16]: 16,
  [FORM.FlagPresent]: 0,
  [FORM.ImplicitConst]: 0,
};

/** The text of a string attribute. Throws `DumpError` if the form is not a string. */
export function textValue(cursor: Cursor, form: number, unit: UnitContext): string {
  const { offsetSize } = unit.header;
  const { sections } = unit;
  switch (form) {
    case FORM.String:
      return cursor.text();
    case FORM.Strp:
      return textAt(sections.str, cursor.offset(offsetSize), sections);
    case FORM.LineStrp:
      return textAt(sections.lineStr, cursor.offset(offsetSize), sections);
    case FORM.StrpSup:
    case FORM.GnuStrpAlt:
      return textAt(sections.alternate?.str ?? null, cursor.offset(offsetSize), sections);
    case FORM.Strx:
    case FORM.GnuStrIndex:
      return indexedText(unit, cursor.uleb());
    case FORM.Strx1:
      return indexedText(unit, cursor.u8());
    case FORM.Strx2:
      return indexedText(unit, cursor.u16());
    case FORM.Strx3:
      return indexedText(unit, cursor.u24());
    case FORM.Strx4:
      return indexedText(unit, cursor.u32());
    default:
      throw cursor.error(`a string attribute has the form 0x${form.toString(16)}`);
  }
}

function indexedText({ header, sections, stringsBase }: UnitContext, index: number): string {
  const { strOffsets } = sections;
  if (strOffsets === null) throw new DumpError(`${sections.name}: section .debug_str_offsets is missing`);
  const at = stringsBase + index * header.offsetSize;
  return textAt(sections.str, header.offsetSize === 8 ? strOffsets.u53(at) : strOffsets.u32(at), sections);
}

function textAt(section: DebugSections['str'], offset: number, { name }: DebugSections): string {
  if (section === null) throw new DumpError(`${name}: a string section is missing`);
  return section.text(offset, Math.min(4096, section.length - offset));
}

/** A number: a constant, a flag, or an offset into another section. Null for other forms, such as an expression. */
export function numberValue(cursor: Cursor, { form, constant }: Attribute, { header }: UnitContext): number | null {
  switch (form) {
    case FORM.Data1:
    case FORM.Flag:
      return cursor.u8();
    case FORM.Data2:
      return cursor.u16();
    case FORM.Data4:
      return cursor.u32();
    case FORM.Data8:
      return Number(BigInt.asIntN(64, cursor.u64()));
    case FORM.Sdata:
      return cursor.sleb();
    case FORM.Udata:
      return cursor.uleb();
    case FORM.SecOffset:
      return cursor.offset(header.offsetSize);
    case FORM.FlagPresent:
      return 1;
    case FORM.ImplicitConst:
      return constant;
    default:
      skipValue(cursor, form, header);
      return null;
  }
}

/** The target of a reference; null for other forms. */
export function referenceValue(cursor: Cursor, { form }: Attribute, { header }: UnitContext): Reference | null {
  const inUnit = (offset: number): Reference => ({ kind: 'info', offset: header.start + offset });
  switch (form) {
    case FORM.Ref1:
      return inUnit(cursor.u8());
    case FORM.Ref2:
      return inUnit(cursor.u16());
    case FORM.Ref4:
      return inUnit(cursor.u32());
    case FORM.Ref8:
      return inUnit(cursor.offset(8));
    case FORM.RefUdata:
      return inUnit(cursor.uleb());
    case FORM.RefAddr:
      return {
        kind: 'info',
        offset: cursor.offset(header.version === 2 && header.addressSize === 8 ? 8 : header.offsetSize),
      };
    case FORM.RefSup4:
      return { kind: 'alternate', offset: cursor.u32() };
    case FORM.RefSup8:
      return { kind: 'alternate', offset: cursor.offset(8) };
    case FORM.GnuRefAlt:
      return { kind: 'alternate', offset: cursor.offset(header.offsetSize) };
    case FORM.RefSig8:
      return { kind: 'signature', signature: cursor.u64() };
    default:
      skipValue(cursor, form, header);
      return null;
  }
}
