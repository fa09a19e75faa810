// SPDX-License-Identifier: Apache-2.0
// dist/: the program and the library, each bundled into one CommonJS file with what it depends on, because loading a
// hundred modules takes longer than answering an address (docs/decisions/005-bundled.md); and the declarations.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = new URL('../', import.meta.url);
const at = (path) => fileURLToPath(new URL(path, root));
const { dependencies, version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));

rmSync(at('dist'), { recursive: true, force: true });
mkdirSync(at('dist'));
execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at('tsconfig.json')], {
  stdio: 'inherit',
});
await build({
  absWorkingDir: at('.'),
  entryPoints: ['src/cli.ts', 'src/index.ts'],
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  minifySyntax: true,
  define: { KVM_VTOP_VERSION: JSON.stringify(version) },
  // An optional decoder of texts that the Kaitai runtime looks for; no header needs it.
  external: ['iconv-lite'],
  logLevel: 'warning',
});
writeFileSync(at('dist/package.json'), '{ "type": "commonjs" }\n');
writeFileSync(
  at('dist/THIRD-PARTY.txt'),
  Object.keys(dependencies)
    .map(licence)
    .join(`\n${'-'.repeat(80)}\n\n`),
);
chmodSync(at('dist/cli.js'), 0o755);

function licence(name) {
  const folder = `node_modules/${name}`;
  const { version: theirs } = JSON.parse(readFileSync(at(`${folder}/package.json`), 'utf8'));
  const file = ['LICENSE', 'LICENSE.txt', 'LICENSE.md', 'license']
    .map((text) => at(`${folder}/${text}`))
    .find(existsSync);
  if (file === undefined) throw new Error(`${name}: no licence to ship`);
  return `${name} ${theirs}\n\n${readFileSync(file, 'utf8')}`;
}
