// SPDX-License-Identifier: Apache-2.0
// The script and the style sheet of the page of `map --html`, which the program has as texts.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { licenceOf } from './third-party.mjs';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Browsers that have all that the script uses, for example findLast and color-mix(). */
const BROWSERS = ['chrome110', 'firefox113', 'safari16.4'];

/**
 * Bundles the script. `packages` are those whose code is in it.
 *
 * @returns {Promise<{ script: string, style: string, licences: string, packages: string[] }>}
 */
export async function picture() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: at('.'),
    entryPoints: ['src/picture/main.ts'],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    target: BROWSERS,
    format: 'iife',
    minify: true,
    legalComments: 'none',
    tsconfig: 'tsconfig.picture.json',
    logLevel: 'warning',
  });
  const script = outputFiles[0]?.text ?? '';
  const { code: style } = await transform(readFileSync(at('src/picture/style.css'), 'utf8'), {
    loader: 'css',
    minify: true,
    target: BROWSERS,
  });
  // The end of an element of the page would end it, wherever it is in the text.
  for (const text of [script, style]) if (/<\/(script|style)|<!--/i.test(text)) throw new Error('markup in the script');
  const packages = [
    ...new Set(
      Object.keys(metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
    ),
  ].sort();
  return { script, style, licences: packages.map(licenceOf).join('\n'), packages };
}
