// SPDX-License-Identifier: Apache-2.0
// Any text in a dump can have been written by an attacker: none may reach a terminal unchanged.
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DUMP } from '../build/alpha.js';
import { kdump } from '../build/files.js';
import { bidi, OBEYED, three } from '../build/hostile.js';
import { contentsOf, wishOf } from '../build/recoded.js';
import { scratch } from '../build/scratch.js';
import { kvmVtop } from '../run.js';

/** Texts of notes, of the kernel's identity, and names of processes, files and flags. */
const RELEASE = '6.1.0-50-amd64';
const TEXTS = [
  RELEASE,
  'qemu-system-x86',
  'two-vms',
  'qemu_back_mem',
  'vdd\0',
  'uptodate',
  'referenced',
  'swapbacked',
  'Debian 6.1',
  'debian-kernel',
];
const hostileText = fc
  .array(fc.oneof(three, bidi, fc.constantFrom('\x1b]0;owned\x07', '\nkvm-vtop: ', '\x9b31m')), {
    minLength: 4,
    maxLength: 6,
  })
  .map((parts) => parts.join(''));

describe('all texts of a dump replaced at once', () => {
  const kvmKo = 'test/build/nothing.ko';
  const RUNS: readonly (readonly string[])[] = [
    ['-g', '136', '-p', '0', '3000840', '-v'],
    ['-g', '136', '-p', '0', '3000840', '--json', '-v'],
    ['-g', '142', '-p', '840', '--style', '2012'],
    ['-g', '150', '-p', '0'],
    ['-g', '136', '--vm', '77', '-p', '0'],
    ['-g', '99999', '-p', '0'],
    ['-p', '0'],
    ['-g', '136', '-p', '0', '--vmlinux', kvmKo],
    ['-g', '136', '-p', '0', '--layout', 'src/layouts/5.10.0-32-amd64.json'],
    ['-g', '136', '-p', '0', '--types', 'dwarf', '--debug-dir', 'docs'],
  ];

  test('no control character and no additional line is printed', async () => {
    const contents = await contentsOf(DUMP);
    const path = scratch('hostile').file('');
    /** The output of the runs on a dump in which this text replaces all others. */
    const printedWith = (text: string) => {
      const changed = (bytes: Buffer): Buffer => {
        const copy = Buffer.from(bytes);
        for (const from of TEXTS) {
          const part = text.slice(0, from.length);
          // A line break in the release would end a line of VMCOREINFO.
          const to =
            from === RELEASE ? part.replaceAll('\n', '\v') : from.endsWith('\0') ? `${part.slice(0, -1)}\0` : part;
          for (let at = copy.indexOf(from, 0, 'latin1'); at >= 0; at = copy.indexOf(from, at + 1, 'latin1'))
            copy.write(to, at, 'latin1');
        }
        return copy;
      };
      const pages = new Map([...contents.pages].map(([frame, page]) => [frame, changed(page)]));
      writeFileSync(path, kdump(wishOf({ pages, info: changed(contents.info) }, 'raw', { machine: text.slice(0, 5) })));
      // What other tests have read of a kernel of that name must not add a line.
      const environment = { ...process.env, XDG_CACHE_HOME: scratch('hostile-cache').folder };
      return RUNS.map((run) => kvmVtop(['-c', path, ...run], '', environment));
    };
    const linesOf = (text: string): number => text.split('\n').length;
    const harmless = printedWith('A'.repeat(40));
    for (const text of fc.sample(hostileText, { numRuns: 3, seed: 7 })) {
      const runs = printedWith(text);
      for (const [i, { stdout, stderr }] of runs.entries()) {
        for (const out of [stdout, stderr])
          expect([RUNS[i], out]).toEqual([RUNS[i], expect.not.stringMatching(OBEYED)]);
        expect(stderr).not.toMatch(/internal error/);
        expect([RUNS[i], linesOf(stdout), linesOf(stderr)]).toEqual([
          RUNS[i],
          linesOf(harmless[i]?.stdout ?? ''),
          linesOf(harmless[i]?.stderr ?? ''),
        ]);
      }
      // The texts were indeed used: they are printed, escaped.
      expect(runs.some(({ stderr }) => /\\x[0-9a-f]{2}/.test(stderr))).toBe(true);
    }
  }, 300_000);
});
