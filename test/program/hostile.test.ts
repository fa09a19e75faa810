// SPDX-License-Identifier: Apache-2.0
// Names in a dump are whatever somebody wrote there: none of them may reach a terminal as it is.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { perform } from '../../src/commands/perform.js';
import { requestFor } from '../../src/commands/vtop.js';
import { openDump } from '../../src/open.js';
import { altered, FIXTURE, kept } from '../build/altered.js';
import { kdump } from '../build/files.js';
import { contentsOf, wishOf } from '../build/recoded.js';
import { kvmVtop } from '../run.js';

const ESC = '\x1b[2J';
type Changes = readonly (readonly [string, string])[];
/** Names of a process, of a file that is mapped, and of a swap device, each with an escape sequence put into it. */
const CHANGES: Changes = [
  ['qemu-system-x86', `qemu${ESC}tem-x86`],
  ['qemu_back_mem', `qemu${ESC}k_mem`],
  ['vdd\0', `\x1b[m\0`],
];

async function ask(
  process: string,
  addresses: readonly string[],
  { json = false, vm = null as string | null, changes = CHANGES } = {},
) {
  const streams = kept();
  const { close, ...opened } = await openDump(FIXTURE, {
    log: streams.log,
    watch: (image) => altered(image, changes),
  });
  const request = requestFor({ process, vm, addressSpace: 0, addresses });
  const code = await perform(request, opened, json ? 'json' : 'text', streams).catch((error: unknown) => {
    streams.warnings.push(String(error));
    return 2;
  });
  close();
  return { code, out: streams.out.join(''), warnings: streams.warnings.join('\n') };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;
/** What a terminal obeys, or does not show as what it is. */
const OBEYED = new RegExp(`${CONTROL.source}|[\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]`);

describe('escape sequences in names of the dump', () => {
  test('a mapped file', async () => {
    const { out } = await ask('142', ['840']);
    expect(out).toContain('qemu\\x1b[2Jk_mem');
    expect(out).not.toMatch(CONTROL);
  });

  test('a swap device', async () => {
    const { code, out } = await ask('136', ['3000840']);
    expect(out).toContain('SWAP: /dev/\\x1b[m  OFFSET: ');
    expect(out).not.toMatch(CONTROL);
    expect(code).toBe(1);
  });

  test('in JSON they are escaped as JSON does, once', async () => {
    const { out } = await ask('136', ['3000840'], { json: true });
    expect(out).toContain('"device":"/dev/\\u001b[m"');
    expect(out).not.toMatch(CONTROL);
  });

  test("a process's name in a message", async () => {
    const { warnings } = await ask('136', ['0'], { vm: '99' });
    expect(warnings).toContain("(qemu\\x1b[2Jtem-x86) holds no VM '99'");
    expect(warnings.replaceAll('\n', ' ')).not.toMatch(CONTROL);
  });
});

/** Three bytes of anything but the end of a text, with what terminals and tables trip over among them. */
const three = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)),
      fc.constantFrom('"', "'", '\\', ',', ';', '\n', '\r', '\t', '\b', '\x7f', '\x85', '\x9b'),
    ),
    { minLength: 3, maxLength: 3 },
  )
  .map((letters) => letters.join(''));
/** RIGHT-TO-LEFT OVERRIDE and its like in UTF-8 are three bytes. */
const bidi = fc
  .integer({ min: 0x2028, max: 0x202e })
  .map((letter) => Buffer.from(String.fromCodePoint(letter)).toString('latin1'));

test('whatever three bytes of a name are: a line of plain ASCII in text, and the very bytes in JSON', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(three, bidi), async (name) => {
      const changes = [
        ['vdd\0', `${name}\0`],
        ['qemu_back_mem', `qemu${name}k_mem`.padEnd(13, 'x')],
      ] as const;
      const text = await ask('136', ['3000840'], { changes });
      expect(text.out).toMatch(/^[\x20-\x7e\n]+$/);
      expect(text.out.split('\n').filter((line) => line.includes('OFFSET:'))).toHaveLength(1);
      expect((await ask('142', ['840'], { changes })).out).toMatch(/^[\x20-\x7e\n]+$/);
      const { out } = await ask('136', ['3000840'], { changes, json: true });
      expect(out).not.toMatch(CONTROL);
      const line = JSON.parse(out) as { swap: { device: string } };
      // The kernel keeps slashes apart in a path.
      if (!name.includes('/')) expect(line.swap.device).toBe(`/dev/${name}`);
    }),
    { numRuns: 25 },
  );
});

/** Every text of the dump that a run can print: of notes, of the kernel's names for itself, of processes, files, flags. */
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

describe('all texts of a dump at once', () => {
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
    ['-g', '136', '-p', '0', '--types', 'dwarf', '--debug-dir', '/nowhere'],
  ];

  test('no control character of theirs comes out, and no line of their making', async () => {
    const contents = await contentsOf(FIXTURE);
    const path = join(mkdtempSync(join(tmpdir(), 'kvm-vtop-hostile-')), 'dump');
    /** What the runs print of a dump with this text in the place of all others. */
    const printedWith = (text: string) => {
      const changed = (bytes: Buffer): Buffer => {
        const copy = Buffer.from(bytes);
        for (const from of TEXTS) {
          const part = text.slice(0, from.length);
          // A line break in the release would be one of VMCOREINFO's.
          const to =
            from === RELEASE ? part.replaceAll('\n', '\v') : from.endsWith('\0') ? `${part.slice(0, -1)}\0` : part;
          for (let at = copy.indexOf(from, 0, 'latin1'); at >= 0; at = copy.indexOf(from, at + 1, 'latin1'))
            copy.write(to, at, 'latin1');
        }
        return copy;
      };
      const pages = new Map([...contents.pages].map(([frame, page]) => [frame, changed(page)]));
      writeFileSync(path, kdump(wishOf({ pages, info: changed(contents.info) }, 'raw', { machine: text.slice(0, 5) })));
      return RUNS.map((run) => kvmVtop(['-c', path, ...run]));
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
      // They were met: texts that were put in are printed, escaped.
      expect(runs.some(({ stderr }) => /\\x[0-9a-f]{2}/.test(stderr))).toBe(true);
    }
  }, 300_000);
});
