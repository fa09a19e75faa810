// SPDX-License-Identifier: Apache-2.0
// ship-layout DUMP... [-- OPTIONS]: writes the layout profile of each dump's kernel to src/layouts/. It is made from the
// kernel's own BTF, or with options for 'kvm-vtop layout', such as --kvm-amd-module for a kernel whose modules have no BTF.
// The line in src/layouts/shipped.ts that names a new profile is written by hand. Run it after a build.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseJson } from './json.mjs';

const root = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-layout-'));
process.on('exit', () => {
  rmSync(folder, { recursive: true });
});
const [words, options] = split(process.argv.slice(2));
for (const [i, dump] of words.entries()) {
  const output = join(folder, `${i}.json`);
  const args = [join(root, 'dist', 'cli.js'), 'layout', '-c', dump, ...options, '-o', output];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  const text = readFileSync(output, 'utf8');
  const { release } = /** @type {{ release: string }} */ (parseJson(text));
  // The names of files alone: their folders are those of the machine on which this was run.
  const source = text.replace(/^ *"source": .*$/m, (line) => line.replace(/\/[^\s,"]*\//g, ''));
  writeFileSync(join(root, 'src', 'layouts', `${release}.json`), source);
}
spawnSync('npx', ['biome', 'check', '--write', 'src/layouts'], { cwd: root, stdio: 'inherit' });

/**
 * The dumps, and the options for each.
 * @param {readonly string[]} args
 * @returns {readonly [readonly string[], readonly string[]]}
 */
function split(args) {
  const end = args.indexOf('--');
  return end < 0 ? [args, ['--types', 'btf']] : [args.slice(0, end), args.slice(end + 1)];
}
