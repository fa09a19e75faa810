// SPDX-License-Identifier: Apache-2.0
// Compares the ELF reader with an independent one (elfy), on an executable of this machine.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import elfy from 'elfy';
import { readElf, readProgramHeaders } from '../../../src/elf/elf.js';
import { FileSource } from '../../../src/io/file-source.js';

const TYPES: Record<number, string> = { 1: 'load', 2: 'dynamic', 3: 'interp', 4: 'note', 6: 'phdr' };

test('program headers of an executable equal those that elfy reads', () => {
  const path = '/bin/sh';
  const file = FileSource.open(path);
  const ours = readProgramHeaders(file, readElf(file));
  // Types above 0x60000000 are specific to the system; elfy has no names for them.
  const known = ours.filter(({ type }) => type in TYPES);
  const theirs = elfy.parse(readFileSync(path)).body.programs.filter(({ type }) => Object.values(TYPES).includes(type));
  expect(known.length).toBeGreaterThan(3);
  expect(
    known.map(({ type, offset, paddr, filesz, memsz }) => ({ type: TYPES[type], offset, paddr, filesz, memsz })),
  ).toEqual(theirs.map(({ type, offset, paddr, filesz, memsz }) => ({ type, offset, paddr, filesz, memsz })));
});
