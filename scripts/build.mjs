// SPDX-License-Identifier: Apache-2.0
// Builds dist/: the program and the library, each bundled with its dependencies into one CommonJS file, because loading
// a hundred modules takes longer than answering an address (docs/decisions/005-bundled.md); and the library's
// declarations.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { apiPage } from './api-page.mjs';
import { buildWasm } from './build-wasm.mjs';
import { writeDeclarations } from './declarations.mjs';
import { parseJson } from './json.mjs';
import { inParts, lazyBuiltins } from './lazy.mjs';
import { linked } from './link.mjs';
import { pages } from './page-assets.mjs';
import { reference } from './reference.mjs';
import { digest, markBuilt } from './sources.mjs';
import { licenceOf } from './third-party.mjs';

const root = new URL('../', import.meta.url);
/** @type {(path: string) => string} */
const at = (path) => fileURLToPath(new URL(path, root));
const { dependencies, version } = /** @type {{ dependencies: Record<string, string>, version: string }} */ (
  parseJson(readFileSync(at('package.json'), 'utf8'))
);

const sources = digest();
buildWasm();
rmSync(at('dist'), { recursive: true, force: true });
mkdirSync(at('dist'));
writeDeclarations(at('dist/index.d.ts'));
// docs/api.md is compared with it.
writeFileSync(at('dist/.api.md'), apiPage(readFileSync(at('dist/index.d.ts'), 'utf8')));
const { packages, assets } = await pages();
/** @satisfies {import('esbuild').BuildOptions} */
const bundled = {
  absWorkingDir: at('.'),
  outdir: at('dist'),
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  minifySyntax: true,
  // The value of a definition is a text wherever it is used, but any other JSON is a module of its own, which all modules load.
  define: { KVM_VTOP_VERSION: JSON.stringify(version), KVM_VTOP_PAGES: JSON.stringify(JSON.stringify(assets)) },
  // An optional text decoder that the Kaitai runtime looks for, which no header needs; and optional peers.
  external: ['iconv-lite', '@duckdb/node-api', 'bullmq', 'ioredis'],
  logLevel: 'warning',
};
// Less text to read at each start. Names are kept for the stacks of errors, and lines short, as Node.js prints that of an error.
/** @satisfies {import('esbuild').BuildOptions} */
const program = {
  ...bundled,
  minifyWhitespace: true,
  lineLimit: 120,
  // Parts are loaded with require(): import() loads the loader of ES modules first.
  supported: { 'dynamic-import': false },
};
const chunks = await build({
  ...program,
  entryPoints: { program: 'src/cli/main.ts' },
  plugins: [lazyBuiltins, inParts(program)],
  format: 'esm',
  splitting: true,
  chunkNames: '[name]-[hash]',
  metafile: true,
  write: false,
});
/** @type {(text: string | Uint8Array) => string} */
const digestOf = (text) => createHash('sha256').update(text).digest('hex');
/** The digests of the files of the program, by their paths. */
const digests = Object.fromEntries(
  [...linked(chunks, 'program.js')].map(([path, text]) => {
    // Read as such: src/cli/code-cache.ts.
    if (/[^\0-\x7f]/.test(text)) throw new Error(`dist/${path} is not ASCII`);
    writeFileSync(at(`dist/${path}`), text);
    return [path, digestOf(text)];
  }),
);
const parts = readdirSync(at('dist/parts')).map((name) => digestOf(readFileSync(at(`dist/parts/${name}`))));
// The digest of all files: also of packages and layouts, whose compiled code is not kept.
digests[''] = digestOf([digests['program.js'], ...parts].join());
const KVM_VTOP_PROGRAM = JSON.stringify(digests);
await build({
  ...program,
  define: { KVM_VTOP_PROGRAM: JSON.stringify(KVM_VTOP_PROGRAM) },
  entryPoints: { cli: 'src/cli/start.ts' },
  plugins: [lazyBuiltins],
});
await build({ ...bundled, entryPoints: { internal: 'src/internal.ts' } });
// A program sees the names of classes: without keepNames that of DumpError would be _DumpError.
await build({ ...bundled, entryPoints: { index: 'src/index.ts' }, keepNames: true });
writeFileSync(at('dist/package.json'), '{ "type": "commonjs" }\n');
const licences = [...new Set([...Object.keys(dependencies), ...packages])].sort().map(licenceOf);
writeFileSync(at('dist/THIRD-PARTY.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`));
const { manPage } = await reference();
// With a given date, two builds of the same sources make the same page (reproducible-builds.org).
const epoch = process.env.SOURCE_DATE_EPOCH;
writeFileSync(at('dist/kvm-vtop.1'), manPage(epoch === undefined ? new Date() : new Date(Number(epoch) * 1000)));
chmodSync(at('dist/cli.js'), 0o755);
markBuilt(sources);
