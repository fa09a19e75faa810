// SPDX-License-Identifier: Apache-2.0
// Compares the output of the program with recorded files, byte for byte: help, errors and answers. After an intended change
// record them again (GOLDEN=record npm run jest -- test/program/golden) and review the diff.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DUMP } from '../build/alpha.js';
import { elfCore, kdump } from '../build/files.js';
import { scratch } from '../build/scratch.js';
import { FIXTURES, kvmVtop } from '../run.js';

const FOLDER = join(__dirname, 'golden');
const { file: write, folder: temporary } = scratch('golden');

/** Longer output is recorded as its digest. */
const LONGEST = 20_000;

const BARE = 'OSRELEASE=4.18.0-240.el8.x86_64\nSYMBOL(swapper_pg_dir)=ffffffff82000000\nNUMBER(phys_base)=0\n';
const withInfo = (text: string) =>
  elfCore({
    segments: [{ paddr: 0, bytes: Buffer.alloc(4096) }],
    notes: [{ name: 'VMCOREINFO', type: 0, desc: Buffer.from(text) }],
  });

/** The files that command lines name as `T/…`. */
const FILES: Readonly<Record<string, () => string | Uint8Array>> = {
  empty: () => '',
  text: () => 'hello world\n',
  'cut-header': () => readFileSync(DUMP).subarray(0, 300),
  'cut-bitmap': () => readFileSync(DUMP).subarray(0, 60_000),
  'cut-pages': () => readFileSync(DUMP).subarray(0, 1_500_000),
  'no-info': () => elfCore({ segments: [{ paddr: 0, bytes: Buffer.alloc(4096) }] }),
  'no-kallsyms': () => withInfo(`${BARE}SYMBOL(_stext)=ffffffff81000000\n`),
  'no-phys-base': () => withInfo('OSRELEASE=6.1.0\n'),
  aarch64: () => elfCore({ segments: [], machine: 183 }),
  s390x: () => kdump({ version: 6, packing: 'raw', pages: new Map(), frames: 1, machine: 's390x' }),
  raw: () => Buffer.from(Array.from({ length: 8192 }, (_, i) => i % 251)),
  'map-of-another': () => 'ffffffff81000000 T _text\nffffffff82000010 D init_task\n',
  'bad-layout.json': () => '{}',
  addresses: () =>
    (JSON.parse(readFileSync(join(FIXTURES, 'debian-6.1', 'facts.json'), 'utf8')) as Facts).questions
      .flatMap(({ cases }) => cases.map(({ gpa }) => gpa))
      .join('\n'),
};

interface Facts {
  readonly questions: readonly { readonly cases: readonly { readonly gpa: string }[] }[];
}

/** Runs a line. `F/` is fixtures/, `T/` the temporary folder; `< NAME` passes one of its files as standard input. */
function run(line: string): string {
  const [command = '', input] = line.split(' < ');
  const args = (command.match(/'[^']*'|\S+/g) ?? []).map((word) =>
    word
      .replace(/^'(.*)'$/, '$1')
      .replace(/(^|=)F\//, `$1${FIXTURES}/`)
      .replace(/(^|=)T\//, `$1${temporary}/`),
  );
  const { status, stdout, stderr } = kvmVtop(args, input === undefined ? '' : readFileSync(join(temporary, input)));
  const place = (text: string) =>
    text
      .replaceAll(FIXTURES, 'F')
      .replaceAll(temporary, 'T')
      .replace(/partial-\d+/g, 'partial-PID');
  return `$ kvm-vtop ${line}\n${kept(place(stdout))}${place(stderr).replace(/^(?=.)/gm, '2> ')}= ${status}\n`;
}

const kept = (text: string): string =>
  text.length <= LONGEST
    ? text
    : `${text.split('\n').length - 1} lines, sha256 ${createHash('sha256').update(text).digest('hex')}\n`;

describe('the output equals the recorded one', () => {
  test.each(['help', 'errors', 'answers', 'map'])('%s', (name) => {
    for (const [file, make] of Object.entries(FILES)) write(make(), file);
    const path = join(FOLDER, `${name}.txt`);
    const before = readFileSync(path, 'utf8');
    const lines = [...before.matchAll(/^\$ kvm-vtop(?: (.*))?$/gm)].map(([, line = '']) => line);
    expect(lines.length).toBeGreaterThan(5);
    const now = lines.map(run).join('\n');
    if (process.env.GOLDEN === 'record') writeFileSync(path, now);
    else expect(now).toBe(before);
  });
});

/** The recorded output of a command line. */
interface Recorded {
  readonly line: string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly status: number;
}

const recorded = (name: string): Recorded[] =>
  readFileSync(join(FOLDER, `${name}.txt`), 'utf8')
    .split(/^\$ kvm-vtop ?/m)
    .slice(1)
    .map((block) => {
      const [line = '', ...rest] = block.trimEnd().split('\n');
      const output = rest.slice(0, -1);
      return {
        line,
        stdout: output.filter((text) => !text.startsWith('2> ')),
        stderr: output.filter((text) => text.startsWith('2> ')).map((text) => text.slice(3)),
        status: Number(/^= (\d+)$/.exec(rest.at(-1) ?? '')?.[1]),
      };
    });

describe('recorded output is plausible', () => {
  test('errors: one line and exit status 2; or an answer without a message', () => {
    for (const { line, stdout, stderr, status } of recorded('errors'))
      if (status !== 2) expect({ line, stderr, status }).toEqual({ line, stderr: [], status: 0 });
      else {
        // Lists of VMs have one line for each.
        const lines = stderr.filter((text) => !text.startsWith('  fd '));
        expect({ line, stdout, lines }).toEqual({
          line,
          stdout: [],
          lines: [expect.stringMatching(/^kvm-vtop: (?!internal error)/)],
        });
      }
  });

  test("help COMMAND is the command's --help", () => {
    const help = new Map(recorded('help').map(({ line, stdout }) => [line, stdout]));
    const commands = [...help.keys()].flatMap((line) => /^(\w+) --help$/.exec(line)?.[1] ?? []);
    expect(commands.length).toBeGreaterThan(2);
    for (const command of commands) expect(help.get(`help ${command}`)).toEqual(help.get(`${command} --help`));
    expect(help.get('help')).toEqual(help.get('--help'));
  });
});
