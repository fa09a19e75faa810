// SPDX-License-Identifier: Apache-2.0
// ship-layout DUMP...: writes the layout profile of each dump's kernel, made from the kernel's own BTF, to
// src/layouts/. The line in src/layouts/shipped.ts that names a new profile is written by hand. Run it after a build.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseJson } from './json.mjs';

const root = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-layout-'));
process.on('exit', () => {
  rmSync(folder, { recursive: true });
});
for (const [i, dump] of process.argv.slice(2).entries()) {
  const output = join(folder, `${i}.json`);
  const args = [join(root, 'dist', 'cli.js'), 'layout', '-c', dump, '--types', 'btf', '-o', output];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  const { release } = /** @type {{ release: string }} */ (parseJson(readFileSync(output, 'utf8')));
  copyFileSync(output, join(root, 'src', 'layouts', `${release}.json`));
}
spawnSync('npx', ['biome', 'check', '--write', 'src/layouts'], { cwd: root, stdio: 'inherit' });
