// SPDX-License-Identifier: Apache-2.0
// dist/: the program and the library, each bundled into one CommonJS file with what it depends on, because loading a
// hundred modules takes longer than answering an address (docs/decisions/005-bundled.md); and the declarations.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { reference } from './reference.mjs';
import { digest, markBuilt } from './sources.mjs';

const root = new URL('../', import.meta.url);
const at = (path) => fileURLToPath(new URL(path, root));
const { dependencies, version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

const sources = digest();
rmSync(at('dist'), { recursive: true, force: true });
mkdirSync(at('dist'));
execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at('tsconfig.json')], {
  stdio: 'inherit',
});
await build({
  absWorkingDir: at('.'),
  entryPoints: { cli: 'src/cli/main.ts', index: 'src/index.ts' },
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
const { manPage } = await reference();
// Two builds of the same sources make the same page where the date is given (reproducible-builds.org).
const epoch = process.env.SOURCE_DATE_EPOCH;
writeFileSync(at('dist/kvm-vtop.1'), manPage(epoch === undefined ? new Date() : new Date(Number(epoch) * 1000)));
chmodSync(at('dist/cli.js'), 0o755);
markBuilt(sources);

function licence(name) {
  const folder = `node_modules/${name}`;
  const {
    version: theirs,
    license,
    author,
    contributors = [],
  } = JSON.parse(readFileSync(at(`${folder}/package.json`), 'utf8'));
  const file = ['LICENSE', 'LICENSE.txt', 'LICENSE.md', 'license']
    .map((text) => at(`${folder}/${text}`))
    .find(existsSync);
  if (file !== undefined) return `${name} ${theirs}\n\n${readFileSync(file, 'utf8')}`;
  // Some packages name their licence and leave its text out.
  if (license !== 'MIT') throw new Error(`${name}: no licence to ship`);
  const holders = [author, ...contributors].map((person) => person?.name ?? person).filter(Boolean);
  return `${name} ${theirs}\n\nCopyright (c) ${[...new Set(holders.map((holder) => holder.replace(/ <.*/, '')))].join(', ')}\n\n${MIT}`;
}
