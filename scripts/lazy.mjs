// SPDX-License-Identifier: Apache-2.0
// Plugins of esbuild for the program, of which most runs need only a part: what they don't need costs less time at their start.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { parseJson } from './json.mjs';

/** Modules of Node.js that are used inside functions only. To load all of them takes half as long as to start Node.js. */
const LAZY = ['child_process', 'crypto', 'fs/promises', 'os', 'stream', 'timers/promises', 'util', 'v8', 'zlib'];

/** Modules of which the program imports functions only. */
const FUNCTIONS = LAZY.filter((name) => name !== 'os' && name !== 'stream');

/**
 * A CommonJS module that has what a module of Node.js exports, but loads it only when it is first used.
 *
 * @type {(name: string, exported: readonly string[]) => string}
 */
const stub = (name, exported) => `
const load = () => process.getBuiltinModule('node:${name}');
module.exports = {
${exported.map((each) => `  get ${each}() { return load().${each}; },`).join('\n')}
};`;

/**
 * The same as an ES module, whose functions are in the program only if they are used. To import a class or a constant from it fails the build.
 *
 * @type {(name: string, exported: readonly string[]) => string}
 */
const functionsStub = (name, exported) => `
const load = () => process.getBuiltinModule('node:${name}');
${exported.map((each) => `export const ${each} = (...given) => load().${each}(...given);`).join('\n')}`;

/** What a module of Node.js exports, by names that can be declared. @type {(name: string) => [string, unknown][]} */
const exportsOf = (name) =>
  Object.entries(process.getBuiltinModule(name) ?? {}).filter(
    ([each]) => /^[A-Za-z_$][\w$]*$/.test(each) && each !== 'default',
  );

/**
 * Modules of Node.js are loaded when they are first used.
 *
 * @type {import('esbuild').Plugin}
 */
export const lazyBuiltins = {
  name: 'lazy-builtins',
  setup(build) {
    build.onResolve(
      { filter: new RegExp(`^(?:node:)?(?:${LAZY.join('|')})$`), namespace: 'file' },
      ({ path, kind }) => {
        const name = path.replace(/^node:/, '');
        const isImported = kind === 'import-statement' && FUNCTIONS.includes(name);
        return { path: name, namespace: isImported ? 'lazy-functions' : 'lazy-builtin' };
      },
    );
    build.onLoad({ filter: /./, namespace: 'lazy-builtin' }, ({ path }) => ({
      contents: stub(
        path,
        exportsOf(path).map(([name]) => name),
      ),
      loader: 'js',
    }));
    build.onLoad({ filter: /./, namespace: 'lazy-functions' }, ({ path }) => {
      const functions = exportsOf(path).filter(([name, value]) => typeof value === 'function' && /^[a-z]/.test(name));
      return {
        contents: functionsStub(
          path,
          functions.map(([name]) => name),
        ),
        loader: 'js',
      };
    });
  },
};

/**
 * Packages and JSON that are imported dynamically are files of their own, in the folder `parts`, so that they are not read at each
 * start. JSON is a text there, which is parsed faster than a program.
 *
 * @type {(options: import('esbuild').BuildOptions) => import('esbuild').Plugin}
 */
export const inParts = (options) => ({
  name: 'in-parts',
  setup(bundle) {
    const { outdir = '' } = bundle.initialOptions;
    /** @type {Map<string, string>} */
    const parts = new Map();
    bundle.onResolve({ filter: /^[^.]|\.json$/ }, ({ path, kind, resolveDir }) => {
      if (kind !== 'dynamic-import' || options.external?.includes(path) === true) return null;
      const name = basename(path, '.json');
      parts.set(name, path.startsWith('.') ? join(resolveDir, path) : path);
      return { path: `./parts/${name}.js`, external: true };
    });
    bundle.onEnd(async () => {
      for (const [name, path] of parts) {
        const outfile = join(outdir, 'parts', `${name}.js`);
        if (path.endsWith('.json')) writePart(outfile, JSON.stringify(parseJson(readFileSync(path, 'utf8'))));
        else await build({ ...options, outdir: dirname(outfile), entryPoints: { [name]: path } });
      }
    });
  },
});

/** @type {(path: string, json: string) => void} */
function writePart(path, json) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `module.exports = JSON.parse(${JSON.stringify(json)});\n`);
}
