// SPDX-License-Identifier: Apache-2.0
// The package as npm packs and installs it: its contents, its declarations, the examples.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { DUMP } from '../build/alpha.js';
import { scratch } from '../build/scratch.js';
import { FIXTURES, kvmVtop, LIMIT, ROOT } from '../run.js';

interface Slot {
  readonly kvm: string;
  readonly addressSpace: number;
  readonly gpa: string;
  readonly size: number;
  readonly hva: string;
  readonly backing: { readonly kind: string };
}

const { folder } = scratch('package');
/** A folder in which the package is installed. */
const user = join(folder, 'user');
const examples = join(user, 'examples');
const installed = join(user, 'node_modules', 'kvm-vtop');

const run = (command: string, args: readonly string[], cwd: string) =>
  spawnSync(command, args, { cwd, encoding: 'utf8', timeout: LIMIT });

/** The output of a program; throws if it fails. */
function output(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = run(command, args, cwd);
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: status ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

const tool = (path: string, args: readonly string[], cwd: string): string =>
  output(process.execPath, [join(ROOT, 'node_modules', path), ...args], cwd);

const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const compile = (args: readonly string[]): string => output(process.execPath, [tsc, ...args], user);

let tarball = '';
let packed: readonly string[] = [];

beforeAll(() => {
  // The package's scripts would build dist/ again.
  const args = ['pack', '--ignore-scripts', '--offline', '--json', '--pack-destination', folder];
  const [{ filename, files }] = JSON.parse(output('npm', args, ROOT)) as [
    { filename: string; files: { path: string }[] },
  ];
  tarball = join(folder, filename);
  packed = files.map(({ path }) => path);
  mkdirSync(installed, { recursive: true });
  output('tar', ['-xf', tarball, '-C', installed, '--strip-components=1'], ROOT);
  cpSync(join(installed, 'examples'), examples, { recursive: true });
  writeFileSync(join(user, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(ROOT, 'node_modules', '@types'), join(user, 'node_modules', '@types'));
});

describe('the package', () => {
  test('has the program, the library with one file of declarations, and the man page', () => {
    // Parts of the program: packages and layouts that few runs need.
    const isPart = (path: string): boolean => path.startsWith('dist/parts/');
    expect(packed.filter(isPart)).toContain('dist/parts/re2js.js');
    expect(packed.filter((path) => path.startsWith('dist/') && !isPart(path)).sort()).toEqual([
      'dist/THIRD-PARTY.txt',
      'dist/cli.js',
      'dist/index.d.ts',
      'dist/index.js',
      'dist/kvm-vtop.1',
      'dist/package.json',
      'dist/program.js',
    ]);
    expect(packed.filter((path) => /\.[cm]?ts$/.test(path))).toEqual(['dist/index.d.ts']);
  });

  test('passes publint', () => {
    expect(tool('publint/src/cli.js', ['run', tarball, '--strict'], folder)).toContain('All good!');
  });

  test('has declarations that match its modules for every kind of import', () => {
    expect(tool('@arethetypeswrong/cli/dist/index.js', [tarball, '--no-color'], folder)).toContain('No problems found');
  });
});

describe('the declarations', () => {
  test('equal docs/api.md', () => {
    const list = readFileSync(join(ROOT, 'dist', '.api.md'), 'utf8');
    if (process.env.GOLDEN === 'record') writeFileSync(join(ROOT, 'docs', 'api.md'), list);
    expect(readFileSync(join(ROOT, 'docs', 'api.md'), 'utf8')).toBe(list);
  });

  test('are all in docs/api.md with their doc comments', () => {
    const flat = (text: string): string => text.replace(/\s+/g, ' ');
    const page = flat(readFileSync(join(ROOT, 'docs', 'api.md'), 'utf8'));
    const text = readFileSync(join(installed, 'dist', 'index.d.ts'), 'utf8');
    const comments = [...text.matchAll(/\/\*\*(.*?)\*\//gs)].map(([, body = '']) =>
      flat(body.replaceAll(/^ *\* /gm, '')).trim(),
    );
    expect(comments.length).toBeGreaterThan(150);
    expect(comments.filter((comment) => !page.includes(comment))).toEqual([]);
    const names = [...text.matchAll(/^export declare (?:interface|type|class|const|function) (\w+)/gm)].map(
      ([, name = '']) => name,
    );
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !page.includes(` ### ${name} `))).toEqual([]);
  });

  test('contain every export of the library', () => {
    const script = "import * as all from 'kvm-vtop'; console.log(Object.keys(all).join(' '))";
    const names = output(process.execPath, ['--input-type=module', '-e', script], user).trim().split(' ');
    const text = readFileSync(join(installed, 'dist', 'index.d.ts'), 'utf8');
    const declared = [...text.matchAll(/^export declare (?:function|class|const) (\w+)/gm)].map(([, name]) => name);
    // Node.js adds these to what a CommonJS module exports.
    expect(names.filter((name) => name !== 'default' && name !== 'module.exports').sort()).toEqual(declared.sort());
  });

  // Without the types of Node.js.
  test('need no other declarations', () => {
    writeFileSync(
      join(user, 'alone.ts'),
      "import type { Dump } from 'kvm-vtop';\nexport type Mine = Dump['kernel'];\n",
    );
    const args = ['--target', 'ES2022', '--lib', 'ES2022', '--module', 'NodeNext', '--strict', '--noEmit'];
    expect(compile([...args, 'alone.ts'])).toBe('');
  });

  test('do not contain internal types', () => {
    const lines = [
      "import { type Answer, Dump, openDump } from 'kvm-vtop';",
      "import 'kvm-vtop/dist/internal.js';",
      "(await openDump('')).host;",
      'new Dump();',
      'export const hpaOf = ({ hpa }: Answer): bigint => hpa;',
    ];
    writeFileSync(join(user, 'wrong.ts'), lines.join('\n'));
    const args = [
      '--target',
      'ES2022',
      '--module',
      'NodeNext',
      '--types',
      'node',
      '--strict',
      '--noEmit',
      '--skipLibCheck',
      '--pretty',
      'false',
    ];
    const { stdout } = run(process.execPath, [tsc, ...args, 'wrong.ts'], user);
    expect(
      [...stdout.matchAll(/^wrong\.ts\((\d+),\d+\): error TS\d+: (.*)$/gm)].map(([, line, text]) => [line, text]),
    ).toEqual([
      ['2', expect.stringContaining("'kvm-vtop/dist/internal.js'")],
      ['3', "Property 'host' does not exist on type 'Dump'."],
      ['4', expect.stringContaining("Constructor of class 'Dump' is private")],
      ['5', "Type 'bigint | null' is not assignable to type 'bigint'."],
    ]);
  });
});

describe('a program sees the names of the declarations', () => {
  const lines = (script: string): string[] =>
    output(process.execPath, ['--input-type=module', '-e', script], user).trimEnd().split('\n');

  test('of classes and functions', () => {
    const script =
      "import * as all from 'kvm-vtop'; for (const [name, value] of Object.entries(all)) if (typeof value === 'function') console.log(name, value.name)";
    const names = lines(script)
      .map((line) => line.split(' '))
      .filter(([name]) => name !== 'default' && name !== 'module.exports');
    expect(names.length).toBeGreaterThan(8);
    expect(names.map(([, name]) => name)).toEqual(names.map(([name]) => name));
  });

  test.each([
    ['DumpError', 'dump.vm(99999)'],
    ['UsageError', 'vm.translate(-1n)'],
    ['UsageError', 'dump.rows("slot")'],
  ])('of a %s, in its stack trace too: %s', (name, call) => {
    const script = `
      import { openDump } from 'kvm-vtop';
      import { inspect } from 'node:util';
      const dump = await openDump(${JSON.stringify(DUMP)});
      const vm = dump.vm(136);
      try { ${call} } catch (error) {
        const frames = error.stack.split('\\n').map((line) => /^ +at (\\w+\\.\\w+) /.exec(line)?.[1]);
        const method = ${JSON.stringify(call)}.replace(/\\(.*/, '').replace(/^./, (letter) => letter.toUpperCase());
        console.log([error.name, error.constructor.name, /^\\w+/.exec(error.stack)[0], /^\\w+/.exec(inspect(error))[0]].join(' '));
        console.log(Object.keys(error).includes('pid'), frames.includes(method));
      }`;
    expect(lines(script)).toEqual([Array.from({ length: 4 }, () => name).join(' '), 'false true']);
  });
});

describe('the examples', () => {
  const example = (name: string, ...args: readonly string[]): string =>
    output(process.execPath, [join(examples, `${name}.mjs`), ...args], user);

  test('compile with the installed package', () => {
    expect(compile(['-p', 'examples', '--skipLibCheck'])).toBe('');
  });

  test('translate', () => {
    // facts.json: what the host's kernel and QEMU reported.
    for (const address of ['0x1001840', '1001840'])
      expect(example('translate', DUMP, '136', address)).toBe('HVA 0x7f5763e01840, HPA 0xf601840\n');
    expect(example('translate', DUMP, '136', '0xfee00000')).toMatch(/^no-memslot: /);
  });

  test('physical', () => {
    // crash-vtop.txt: the PGD entry at 18e47f0 is 44fe0067.
    for (const address of ['0x18e47f0', '18e47f0'])
      expect(example('physical', DUMP, address, '8')).toBe('0x18e47f0: 6700fe4400000000\n');
    expect(example('physical', DUMP, '0xf601840', '64')).toMatch(/^0xf601840: 64 bytes are missing: /);
  });

  test('states', () => {
    // The slots have 36928 pages.
    expect(example('states', DUMP, '136')).toBe('mapped: 34881\nswapped: 1535\ntable-missing: 512\n');
  });

  test('runs', () => {
    const runs = example('runs', DUMP, '136')
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [, first = '', last = '', hva, hpa, state] =
          /^(\w+)-(\w+) {2}(?:HVA (\w+) {2}HPA (\w+)|([a-z-]+): .+)$/.exec(line) ?? [];
        return { first: parseInt(first, 16), end: parseInt(last, 16) + 1, hva, hpa, state };
      });
    expect(runs.map(({ first }) => first)).toEqual([0, ...runs.slice(0, -1).map(({ end }) => end)]);
    // facts.json: what the host's kernel and QEMU reported of GPA 1001840.
    const found = runs.find(({ first, end }) => first <= 0x1001840 && 0x1001840 < end);
    const offset = 0x1001840 - (found?.first ?? NaN);
    expect([found?.hva, found?.hpa].map((start = '') => (parseInt(start, 16) + offset).toString(16))).toEqual([
      '7f5763e01840',
      'f601840',
    ]);
    const pagesOf = (wanted?: string): number =>
      runs.filter(({ state }) => state === wanted).reduce((sum, { first, end }) => sum + (end - first) / 4096, 0);
    expect([pagesOf(), pagesOf('swapped'), pagesOf('table-missing')]).toEqual([34881, 1535, 512]);
  });

  test('slots', () => {
    const dump = join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump');
    const { stdout } = kvmVtop(['slots', '-c', dump, '--json']);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Slot);
    const lines = example('slots', dump)
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    expect(lines.slice(1).map(([kvm, , ...rest]) => [kvm, ...rest])).toEqual(
      rows.map(({ kvm, addressSpace, gpa, size, hva, backing }) => [
        kvm,
        `${addressSpace}`,
        gpa,
        `${size}`,
        hva,
        backing.kind,
      ]),
    );
    expect([...new Set(lines.map(([, name]) => name))]).toEqual(['name', 'alpha', 'beta', '']);
  });

  test('are all tested', () => {
    const tested = ['physical', 'runs', 'slots', 'states', 'translate'];
    expect(readdirSync(join(ROOT, 'examples')).filter((name) => name.endsWith('.mjs'))).toEqual(
      tested.map((name) => `${name}.mjs`),
    );
  });

  test('README.md shows one of them', () => {
    const text = readFileSync(join(ROOT, 'examples', 'translate.mjs'), 'utf8').replace(/^\/\/.*\n/gm, '');
    const shown = text.trimEnd().replace(/^(?=.)/gm, '    ');
    expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(`\n\n${shown}\n\n`);
  });
});
