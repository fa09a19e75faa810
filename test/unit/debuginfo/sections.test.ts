// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@jest/globals';
import { BytesSource } from '../../../src/core/bytes-source.js';
import { DumpError } from '../../../src/core/errors.js';
import { openDebugSections } from '../../../src/debuginfo/sections.js';
import { ElfObject, SHF_COMPRESSED } from '../../../src/elf/sections.js';

const HEADER = 64;

/** An executable with these sections, .debug_info with some flags. */
function elf(sections: Readonly<Record<string, Buffer>>, flags = 0): ElfObject {
  const all = Object.entries({ ...sections, '.shstrtab': Buffer.alloc(0) });
  const names = Buffer.from(`\0${all.map(([name]) => `${name}\0`).join('')}`);
  const bodies = all.map(([name, body]) => (name === '.shstrtab' ? names : body));
  const table = HEADER + bodies.reduce((sum, { length }) => sum + length, 0);
  const header = Buffer.alloc(HEADER);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(table), 40);
  for (const [i, value] of [HEADER, 0, 0, HEADER, all.length + 1, all.length].entries())
    header.writeUInt16LE(value, 52 + 2 * i);
  let at = HEADER;
  const headers = bodies.map((body, i) => {
    const entry = Buffer.alloc(HEADER);
    entry.writeUInt32LE(names.indexOf(`${all[i]?.[0]}\0`), 0);
    entry.writeUInt32LE(1, 4);
    if (all[i]?.[0] === '.debug_info') entry.writeBigUInt64LE(BigInt(flags), 8);
    entry.writeBigUInt64LE(BigInt(at), 24);
    entry.writeBigUInt64LE(BigInt(body.length), 32);
    at += body.length;
    return entry;
  });
  return new ElfObject(
    new BytesSource('vmlinux', Buffer.concat([header, ...bodies, Buffer.alloc(HEADER), ...headers])),
  );
}

test('a compressed section that is shorter than its header is damaged', async () => {
  const whole = Buffer.from('ZLIB\0\0\0\0\0\0\0\x10');
  for (let length = 1; length <= whole.length; length++) {
    const object = elf({ '.debug_abbrev': Buffer.alloc(4), '.zdebug_info': whole.subarray(0, length) });
    await expect(openDebugSections(object, null)).rejects.toThrow(DumpError);
  }
  // Elf64_Chdr: ELFCOMPRESS_ZLIB, 16 bytes.
  const chdr = Buffer.alloc(24);
  chdr.writeUInt32LE(1, 0);
  chdr.writeUInt32LE(16, 8);
  for (let length = 1; length <= chdr.length; length++) {
    const object = elf({ '.debug_abbrev': Buffer.alloc(4), '.debug_info': chdr.subarray(0, length) }, SHF_COMPRESSED);
    await expect(openDebugSections(object, null)).rejects.toThrow(DumpError);
  }
});
