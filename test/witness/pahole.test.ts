// SPDX-License-Identifier: Apache-2.0
// Compares every structure in the debug information of real kvm modules, and in the BTF of the dumped kernels, with pahole.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { views } from '../../src/commands/views.js';
import { openObject } from '../../src/debuginfo/dwarf-file.js';
import { openDebugSections } from '../../src/debuginfo/sections.js';
import { openDump } from '../../src/open.js';
import { Btf } from '../../src/types/btf.js';
import { AT } from '../../src/types/dwarf/constants.js';
import { SearchedDefinitions } from '../../src/types/dwarf/definitions.js';
import { Entries } from '../../src/types/dwarf/entries.js';
import { DwarfGraph, type DwarfType } from '../../src/types/dwarf/graph.js';
import { GraphTypes } from '../../src/types/graph.js';
import type { TypeSource } from '../../src/types/source.js';
import { type DebugFile, debugFile, needing, pahole, recordedHosts } from '../needs.js';
import { HOSTS, SHARED } from '../run.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-pahole-'));

/** A member: `bit` is its offset in bits; `width` is in bits for bit fields, else 0; `size` is in bytes. */
interface Row {
  readonly name: string;
  readonly bit: number;
  readonly width: number;
  readonly size: number;
}
interface Structure {
  /** Null for unions, for which pahole prints no size. */
  readonly size: number | null;
  readonly rows: readonly Row[];
}

/** Parses pahole's output, by structure. */
function parsed(text: string): Map<string, Structure> {
  const structures = new Map<string, Structure>();
  for (const [, name = '', body = ''] of text.matchAll(/^(?:struct|union) (\w+) \{\n([\s\S]*?)^\}/gm)) {
    // Inner structures have such a line too; the last one belongs to the structure.
    const size = [...body.matchAll(/\/\* size: (\d+)/g)].at(-1)?.[1];
    structures.set(name, { size: size === undefined ? null : Number(size), rows: body.split('\n').flatMap(rowOf) });
  }
  return structures;
}

function rowOf(line: string): Row[] {
  const found = /^(.*?)\/\*\s+(\d+)(?::\s*(\d+))?\s+(\d+) \*\/$/.exec(line);
  if (found === null) return [];
  const [, before = '', offset, bit = '0', size] = found;
  const text = before.replace(/__attribute__\(\(.*?\)\)+/g, '').trim();
  const pointer = /\(\*+\s*(?:const\s+)?(\w+)/.exec(text)?.[1];
  const plain = /(\w+)\s*(?:\[[^\]]*\])*\s*(?::\s*\d+)?;$/.exec(text)?.[1];
  const width = Number(/:\s*(\d+);$/.exec(text)?.[1] ?? 0);
  // A structure with a tag may be an unnamed member (-fms-extensions).
  const name = /^\};$|^(?:struct|union) \w+\s*;$/.test(text) ? '' : (pointer ?? plain ?? '');
  return [{ name, bit: Number(offset) * 8 + Number(bit), width, size: width > 0 ? 0 : Number(size) }];
}

/** The rows of our reader, with unnamed structures expanded as pahole does. */
class Listing {
  constructor(readonly graph: DwarfGraph) {}

  rows(structure: DwarfType, start = 0): Row[] {
    return [...this.graph.members(structure)].flatMap(({ name, type, bitOffset, bitSize }) => {
      const bit = start + bitOffset;
      const inner = this.#unnamed(type);
      const own = { name, bit, width: bitSize, size: bitSize > 0 ? 0 : this.#size(type) };
      return inner === null ? [own] : [...this.rows(inner, bit), own];
    });
  }

  #unnamed(type: DwarfType): DwarfType {
    const node = this.graph.node(type);
    if (node.kind === 'array') return this.#unnamed(node.element);
    if (type === null || type.file.text(type.entry, AT.Name) !== null) return null;
    // Skips const and volatile, which have no name; a typedef has one.
    if (node.kind === 'alias') return this.#unnamed(node.to);
    return node.kind === 'struct' ? type : null;
  }

  #size(type: DwarfType): number {
    const node = this.graph.node(type);
    if (node.kind === 'array') return node.count * this.#size(node.element);
    return node.kind === 'alias' ? this.#size(node.to) : node.bytes;
  }
}

const sorted = (rows: readonly Row[]): string[] =>
  rows.map(({ name, bit, width, size }) => `${String(bit).padStart(8)} ${name} :${width} ${size}`).sort();

/** Compares sizes, and offsets of all named members, of the structures that a source has; returns their number. */
function compareNamed(
  types: TypeSource,
  expected: ReadonlyMap<string, Structure>,
): { structures: number; members: number } {
  let [structures, members] = [0, 0];
  for (const [name, { size, rows }] of expected) {
    const bytes = types.sizeOf(name);
    if (bytes === null) continue;
    expect([name, bytes]).toEqual([name, size ?? bytes]);
    structures++;
    // Only names that occur once; bit fields and members of named members cannot be found by name.
    const once = rows.filter(({ name: member }) => rows.filter((row) => row.name === member).length === 1);
    for (const { name: member, bit, width, size: told8 } of once) {
      const found = width > 0 || member === '' ? null : types.member(name, member);
      if (found === null) continue;
      expect([name, member, found.offset, found.size]).toEqual([name, member, bit / 8, told8]);
      members++;
    }
  }
  return { structures, members };
}

needing(recordedHosts, pahole).describe.each(HOSTS)('$release', ({ release, host }) => {
  const packed = join(SHARED, 'debug', release, 'kvm.ko.xz');
  let known: Map<string, Structure> | null = null;
  const structuresOf = async () => {
    if (known !== null) return known;
    const object = await openObject(packed);
    const plain = join(folder, `${release}.ko`);
    writeFileSync(plain, object.file.read(0, object.file.size, 'module').array());
    known = parsed(spawnSync('pahole', [plain], { encoding: 'utf8', maxBuffer: 2 ** 28 }).stdout);
    return known;
  };

  test('every structure of kvm.ko: names, sizes, offsets, bit fields', async () => {
    const object = await openObject(packed);
    const entries = new Entries(await openDebugSections(object, null));
    const graph = new DwarfGraph('kvm.ko', entries, new SearchedDefinitions(entries, []));
    const listing = new Listing(graph);
    const structures = await structuresOf();
    expect(structures.size).toBeGreaterThan(900);
    let members = 0;
    for (const [name, { size, rows }] of structures) {
      const structure = graph.structure(name);
      const node = structure === null ? null : graph.node(structure);
      expect([name, node]).toEqual([name, { kind: 'struct', bytes: size ?? expect.any(Number) }]);
      expect([name, sorted(listing.rows(structure))]).toEqual([name, sorted(rows)]);
      members += rows.length;
    }
    console.log(`${release}: ${structures.size} structures of kvm.ko with ${members} members are as pahole reads them`);
  });

  test("the dump's own BTF: sizes, and offsets of all named members", async () => {
    const { host: opened, close } = await openDump(join(SHARED, 'dumps', host, 'vmcore'), {
      beside: { typesFrom: 'btf' },
    });
    const { structures, members } = compareNamed(opened.types, await structuresOf());
    close();
    expect(structures).toBeGreaterThan(600);
    console.log(
      `${release}: ${structures} structures and ${members} members of the dump's BTF are as pahole reads kvm.ko`,
    );
  });
});

/** Debian's debug packages: unpacked in one folder each, and that of 5.10 as extracted by crash-ext/get-debug. */
const vmlinuxOf = (release: string): DebugFile => {
  const all = debugFile('KVM_VTOP_DEBUG', `${release}/usr/lib/debug/boot/vmlinux-${release}`);
  return release.startsWith('5.10.') && !all.isThere() ? debugFile('KVM_VTOP_CRASH_DEBUG', 'vmlinux') : all;
};

describe.each(HOSTS)('vmlinux of $release: the structures that kvm-vtop reads', ({ release }) => {
  const vmlinux = vmlinuxOf(release);
  const { path } = vmlinux;
  const withVmlinux = needing(pahole, vmlinux);
  const known = [...new Set(views().map(({ struct }) => struct))].sort();
  // If asked for several structures at once, pahole omits some.
  const structuresOf = (form: string): Map<string, Structure> => {
    const one = (name: string) => spawnSync('pahole', ['-F', form, '-C', name, path], { encoding: 'utf8' }).stdout;
    const all = known.map((name) => [name, parsed(one(name)).get(name)] as const);
    return new Map(all.flatMap(([name, found]) => (found === undefined ? [] : [[name, found] as const])));
  };

  withVmlinux.test('DWARF: names, sizes, offsets, bit fields', async () => {
    const object = await openObject(path);
    const entries = new Entries(await openDebugSections(object, null));
    const graph = new DwarfGraph('vmlinux', entries, new SearchedDefinitions(entries, []));
    const listing = new Listing(graph);
    const structures = structuresOf('dwarf');
    let members = 0;
    for (const [name, { size, rows }] of structures) {
      const structure = graph.structure(name);
      expect([name, structure && graph.node(structure)]).toEqual([
        name,
        { kind: 'struct', bytes: size ?? expect.any(Number) },
      ]);
      expect([name, sorted(listing.rows(structure))]).toEqual([name, sorted(rows)]);
      members += rows.length;
    }
    expect(structures.size).toBeGreaterThan(20);
    console.log(
      `${release}: DWARF of vmlinux: ${structures.size} structures with ${members} members as pahole reads them`,
    );
  });

  withVmlinux.test('BTF in the section of the file', async () => {
    const object = await openObject(path);
    const section = object.section('.BTF');
    if (section === null) throw new Error('no .BTF');
    const types = new GraphTypes(new Btf('.BTF', object.bytes(section)));
    const { structures, members } = compareNamed(types, structuresOf('btf'));
    expect(structures).toBeGreaterThan(20);
    console.log(`${release}: BTF of vmlinux: ${structures} structures with ${members} members as pahole reads them`);
  });
});
