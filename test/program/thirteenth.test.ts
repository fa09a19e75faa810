// SPDX-License-Identifier: Apache-2.0
// A new command is one file and one line: these are enough for all that is generated from the commands.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { FIXTURES, ROOT } from '../run.js';

const copy = mkdtempSync(join(tmpdir(), 'kvm-vtop-thirteenth-'));
afterAll(() => {
  rmSync(copy, { recursive: true });
});

const FILE = `
import { command } from './command.js';
import { columns } from '../report/columns.js';
import { recordKind } from '../report/records.js';
import { count, text } from '../report/types.js';
import { flag } from './options.js';

const bytes = columns<{ release: string; length: number }>({
  release: [text, 'The release of the kernel.'],
  length: [count(1), 'Its length.'],
});

export const thirteenth = command({
  name: 'thirteenth',
  summary: 'print the release of the kernel',
  description: 'Prints the release of the kernel that crashed.',
  needs: 'host',
  args: null,
  options: { loud: flag('in capital letters') },
  records: [recordKind('release', 'A release.', bytes)],
  csv: true,
  notes: ['It is the thirteenth.'],
  examples: [{ line: 'thirteenth -c vmcore --loud' }],
  exit: { 0: 'it was printed', 2: 'it was not' },
  *run({ host, options }) {
    const release = options.loud ? host.release.toUpperCase() : host.release;
    yield { release, length: release.length };
    return 0;
  },
  text: () => ({ row: ({ release }) => release + '\\n' }),
});
`;

interface Reference {
  readonly manPage: (date: Date) => string;
  readonly generatedDocs: () => ReadonlyMap<string, string>;
}
let reference: Reference;

beforeAll(() => {
  for (const name of ['src', 'parsers', 'wasm', 'package.json', 'tsconfig.json'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  writeFileSync(join(copy, 'src', 'commands', 'thirteenth.ts'), FILE);
  const index = join(copy, 'src', 'commands', 'index.ts');
  const before = readFileSync(index, 'utf8');
  const after = before.replace(/^( +)vtop,$/m, "$1require('./thirteenth.js').thirteenth, vtop,");
  expect(after.split('\n').filter((line, i) => line !== before.split('\n')[i])).toHaveLength(1);
  writeFileSync(index, after);
  execFileSync(join(ROOT, 'node_modules', '.bin', 'esbuild'), [
    ...['src/cli/main.ts', 'src/cli/reference.ts'].map((path) => join(copy, path)),
    `--outdir=${join(copy, 'out')}`,
    '--bundle',
    '--platform=node',
    '--format=cjs',
    '--out-extension:.js=.cjs',
    '--external:iconv-lite',
    '--external:@duckdb/node-api',
    '--define:KVM_VTOP_VERSION="0"',
    '--log-level=error',
  ]);
  writeFileSync(join(copy, 'out', 'start.cjs'), "require('./main.cjs').main(null);");
  reference = createRequire(__filename)(join(copy, 'out', 'reference.cjs')) as Reference;
});

const run = (...args: string[]): string =>
  execFileSync(process.execPath, [join(copy, 'out', 'start.cjs'), ...args], { encoding: 'utf8' });
const DUMP = ['-c', join(FIXTURES, 'debian-6.1', 'vmcore.kdump')];

test('it runs with every output format, and an excerpt can record it', () => {
  expect(run('thirteenth', ...DUMP)).toBe('6.1.0-50-amd64\n');
  const line = run('thirteenth', ...DUMP, '--loud', '--json');
  expect(line).toBe('{"record":"release","release":"6.1.0-50-AMD64","length":14}\n');
  expect(run('thirteenth', ...DUMP, '--csv')).toBe('record,release,length\r\nrelease,6.1.0-50-amd64,14\r\n');
  const schema = JSON.parse(reference.generatedDocs().get('schemas/release.schema.json') ?? '') as object;
  expect(new Ajv2020({ allowUnionTypes: true }).validate(schema, JSON.parse(line))).toBe(true);
  const small = join(copy, 'small.kdump');
  expect(run('excerpt', ...DUMP, '-o', small, '--', 'thirteenth')).toMatch(/all that 'thirteenth' reads/);
  expect(run('thirteenth', '-c', small)).toBe('6.1.0-50-amd64\n');
});

test('help, the man page, its page in docs/ and completion have it', () => {
  expect(run('--help')).toMatch(/thirteenth \[options\] +print the release of the kernel/);
  expect(run('help', 'thirteenth')).toMatch(
    /--loud +in capital letters[\s\S]*It is the thirteenth\.[\s\S]*Exit status:\n {2}0 /,
  );
  expect(reference.manPage(new Date(0))).toMatch(/\.Sh THIRTEENTH\n[\s\S]*\.It Fl Fl loud\nin capital letters/);
  expect(reference.generatedDocs().get('commands/thirteenth.md')).toMatch(/# kvm-vtop thirteenth[\s\S]*`--loud`/);
  for (const shell of ['bash', 'zsh', 'fish']) expect(run('completion', shell)).toMatch(/thirteenth[\s\S]*loud/);
});
