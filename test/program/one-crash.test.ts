// SPDX-License-Identifier: Apache-2.0
// One crash in every dump format: the answers are the same, byte for byte.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { elfCore, flattened, inPieces, kdump, lime } from '../build/files.js';
import { type Contents, contentsOf, framesOf, wishOf } from '../build/recoded.js';
import { FIXTURES, kvmVtop } from '../run.js';

const FIXTURE = join(FIXTURES, 'debian-6.1');
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-one-crash-'));
let contents: Contents;
let right = '';

interface Question {
  readonly process: string;
  readonly vm: string | null;
  readonly addressSpace: number;
  readonly cases: readonly { readonly gpa: string }[];
}

/** The output for every address in the fixture's facts. */
function answers(options: readonly string[]): string {
  const { questions } = JSON.parse(readFileSync(join(FIXTURE, 'facts.json'), 'utf8')) as { questions: Question[] };
  return questions
    .map(({ process, vm, addressSpace, cases }) => {
      const choice = ['-g', process, ...(vm === null ? [] : ['--vm', vm]), '--address-space', String(addressSpace)];
      const run = kvmVtop([...options, ...choice, '-p', '-', '--json'], cases.map(({ gpa }) => `${gpa}\n`).join(''));
      return run.stdout + run.stderr;
    })
    .join('');
}

const file = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

beforeAll(async () => {
  contents = await contentsOf(join(FIXTURE, 'vmcore.kdump'));
  right = answers(['-c', join(FIXTURE, 'vmcore.kdump')]);
});

/** Contiguous frames, with their pages. */
function runs(): { paddr: number; bytes: Buffer }[] {
  const found: { first: number; parts: Buffer[] }[] = [];
  for (const [frame, page] of contents.pages) {
    const last = found.at(-1);
    if (last !== undefined && last.first + last.parts.length === frame) last.parts.push(page);
    else found.push({ first: frame, parts: [page] });
  }
  return found.map(({ first, parts }) => ({ paddr: first * 4096, bytes: Buffer.concat(parts) }));
}

const elf = () => elfCore({ segments: runs(), notes: [{ name: 'VMCOREINFO', type: 0, desc: contents.info }] });

function raw(): Buffer {
  const memory = Buffer.alloc(framesOf(contents) * 4096);
  for (const [frame, page] of contents.pages) memory.set(page, frame * 4096);
  return memory;
}

/** Functions that write the files, and return the options that name them. */
const forms: Readonly<Record<string, () => string[]>> = {
  ...Object.fromEntries(
    (['raw', 'zlib', 'lzo', 'snappy', 'zstd'] as const).map((packing) => [
      `kdump, ${packing}`,
      () => ['-c', file('kdump', kdump(wishOf(contents, packing)))],
    ]),
  ),
  'kdump, header version 4': () => ['-c', file('kdump', kdump(wishOf(contents, 'zlib', { version: 4 })))],
  'flattened kdump': () => ['-c', file('flat', flattened(inPieces(kdump(wishOf(contents, 'lzo')), [100_000, 4096])))],
  'split in three, the last part first': () => {
    const borders = [0, 1000, 200_000, framesOf(contents)];
    const parts = [2, 0, 1].map((i) =>
      kdump(wishOf(contents, 'zlib', { part: [borders[i] as number, borders[i + 1] as number], timestamp: 5 })),
    );
    return parts.flatMap((part, i) => ['-c', file(`part${i}`, part)]);
  },
  ELF: () => ['-c', file('elf', elf())],
  'flattened ELF': () => ['-c', file('flat', flattened(inPieces(elf(), [65_536])))],
  'raw memory': () => ['-c', file('raw', raw()), '--input-format', 'raw', '--vmcoreinfo', file('info', contents.info)],
  LiME: () => ['-c', file('lime', lime(runs())), '--vmcoreinfo', file('info', contents.info)],
};

const withoutMessages = (lines: string): string => lines.replace(/"message":"(?:[^"\\]|\\.)*"/g, '"message":""');

describe.each(Object.entries(forms))('%s', (_name, write) => {
  test('gives the same JSON', () => {
    expect(right.split('\n').length).toBeGreaterThan(200);
    // A message about a page that only the whole dump has names the file, and says why it is not there.
    expect(withoutMessages(answers(write()))).toBe(withoutMessages(right));
  });
});
