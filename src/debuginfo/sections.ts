// SPDX-License-Identifier: Apache-2.0
import { codecs } from '../codecs/index.js';
import type { Bytes } from '../core/bytes.js';
import { BytesSource } from '../core/bytes-source.js';
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import { Relocations } from '../elf/relocations.js';
import { type ElfObject, ET_REL, type Section, SHF_COMPRESSED, SHT_RELA } from '../elf/sections.js';
import type { DebugSections } from '../types/dwarf/sections.js';

/** Size of Elf64_Chdr: type, reserved, size, alignment. */
const CHDR_SIZE = 24;
const COMPRESSED_BY: Readonly<Record<number, 'zlib' | 'zstd'>> = { 1: 'zlib', 2: 'zstd' };
/** .zdebug_NAME: "ZLIB", the size in 8 bytes, big-endian, and a zlib stream. */
const GNU_MAGIC = 'ZLIB';
const GNU_HEADER = 12;
/** Most bytes of a section of debug information. */
const MOST = 2 ** 31 - 1;

/** Opens the debug sections of a file. Throws `DumpError` if it has none, or if they can't be decompressed. */
export async function openDebugSections(object: ElfObject, alternate: DebugSections | null): Promise<DebugSections> {
  const info = await contents(object, 'info');
  const abbrev = await contents(object, 'abbrev');
  if (info === null || abbrev === null)
    throw new DumpError(`${object.file.name}: it has no debug information (.debug_info)`, {
      code: 'wrong-file',
      hint: 'distributions ship it in a separate package (-dbg, -dbgsym, -debuginfo)',
    });
  const types = await contents(object, 'types');
  const whole = async (name: string): Promise<Bytes | null> => {
    const source = await contents(object, name);
    return source === null ? null : source.read(0, source.size, `.debug_${name}`);
  };
  return {
    name: object.file.name,
    infoSize: info.size,
    typesSize: types?.size ?? 0,
    info: (offset, length) =>
      types !== null && offset >= info.size
        ? types.read(offset - info.size, length, '.debug_types')
        : info.read(offset, length, '.debug_info'),
    abbrev: abbrev.read(0, abbrev.size, '.debug_abbrev'),
    str: await whole('str'),
    lineStr: await whole('line_str'),
    strOffsets: await whole('str_offsets'),
    alternate,
  };
}

/**
 * Contents of .debug_NAME (or .zdebug_NAME), decompressed and relocated; null if there is none. In a relocatable file,
 * each type unit has a section of its own: they are joined, as a linker would do.
 */
async function contents(object: ElfObject, name: string): Promise<ByteSource | null> {
  const named = object.sections.filter(
    (section) =>
      (section.name === `.debug_${name}` || section.name === `.zdebug_${name}`) &&
      section.size > 0 &&
      object.hasContents(section),
  );
  const [first] = named;
  if (first === undefined) return null;
  const unpacked = await Promise.all(named.map((section) => unpackedOf(object, section)));
  if (object.header.eType !== ET_REL) return unpacked[0] ?? null;
  return joined(object, named, unpacked);
}

/** Joins sections of the same name in a relocatable file, and applies the relocations: they have the offsets. */
function joined(object: ElfObject, sections: readonly Section[], sources: readonly ByteSource[]): ByteSource {
  const [{ name }] = sections as [Section];
  const whole = new Uint8Array(sources.reduce((sum, { size }) => sum + size, 0));
  const bases = new Map<number, number>();
  let base = 0;
  sections.forEach(({ index }, i) => {
    const { size } = sources[i] as ByteSource;
    bases.set(index, base);
    whole.set((sources[i] as ByteSource).read(0, size, `section ${name}`).array(), base);
    base += size;
  });
  sections.forEach(({ index }, i) => {
    const table = object.sections.find(({ type, info }) => type === SHT_RELA && info === index);
    const start = bases.get(index) ?? 0;
    const piece = whole.subarray(start, start + (sources[i] as ByteSource).size);
    if (table !== undefined) new Relocations(object, table, bases).apply(piece);
  });
  return new BytesSource(`${object.file.name} (${name}, relocated)`, whole);
}

function unpackedOf(object: ElfObject, section: Section): Promise<ByteSource> {
  if (section.name.startsWith('.z')) return unpackGnu(object, section);
  if ((section.flags & SHF_COMPRESSED) !== 0) return unpack(object, section);
  return Promise.resolve(new SectionSource(object, section));
}

async function unpack(object: ElfObject, section: Section): Promise<ByteSource> {
  const bytes = object.bytes(section);
  const codec = COMPRESSED_BY[bytes.u32(0)];
  if (codec === undefined) throw bytes.error(0, `section ${section.name}: unknown compression ${bytes.u32(0)}`);
  return inflate(object, section, codec, bytes.slice(CHDR_SIZE, bytes.length - CHDR_SIZE), bytes.u53(8));
}

async function unpackGnu(object: ElfObject, section: Section): Promise<ByteSource> {
  const bytes = object.bytes(section);
  if (bytes.text(0, 4) !== GNU_MAGIC) throw bytes.error(0, `section ${section.name}: its ZLIB header is missing`);
  const header = bytes.slice(0, GNU_HEADER);
  const size = Number(header.window(0, GNU_HEADER).getBigUint64(4));
  return inflate(object, section, 'zlib', bytes.slice(GNU_HEADER, bytes.length - GNU_HEADER), size);
}

async function inflate(
  object: ElfObject,
  section: Section,
  codec: 'zlib' | 'zstd',
  data: Bytes,
  size: number,
): Promise<ByteSource> {
  if (size > MOST) throw data.error(0, `section ${section.name}: ${size} bytes are too many to be valid`);
  const decode = await codecs[codec]();
  const unpacked = decode(data.array(), size);
  if (unpacked === null) throw data.error(0, `section ${section.name} is not ${codec} data of ${size} bytes`);
  return new BytesSource(`${object.file.name} (${section.name}, unpacked)`, unpacked);
}

/** A section that is not compressed, read from the file. */
class SectionSource implements ByteSource {
  readonly name: string;
  readonly size: number;

  constructor(
    readonly object: ElfObject,
    readonly section: Section,
  ) {
    this.name = `${object.file.name} (${section.name})`;
    this.size = section.size;
  }

  read(offset: number, length: number): Bytes {
    return this.object.bytes(this.section, offset, length);
  }
}
