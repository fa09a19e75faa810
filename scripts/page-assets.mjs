// SPDX-License-Identifier: Apache-2.0
// The scripts and the style sheets of the pages of `map --html` and `scan --html`, which the program has as texts.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { licenceOf } from './third-party.mjs';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Browsers that have all that the scripts use, for example findLast and color-mix(). */
const BROWSERS = ['chrome110', 'firefox113', 'safari16.4'];

/**
 * Bundles the script of a page, and its style sheet after that of all pages. `packages` are those whose code is in the script.
 *
 * @param {string} folder
 * @returns {Promise<{ script: string, style: string, licences: string, packages: string[] }>}
 */
async function pageAssets(folder) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: at('.'),
    entryPoints: [`${folder}/main.ts`],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    target: BROWSERS,
    format: 'iife',
    minify: true,
    legalComments: 'none',
    tsconfig: 'tsconfig.browser.json',
    logLevel: 'warning',
  });
  const script = outputFiles[0]?.text ?? '';
  const styles = ['src/browser/base.css', `${folder}/style.css`].map((path) => readFileSync(at(path), 'utf8'));
  const { code: style } = await transform(styles.join(''), { loader: 'css', minify: true, target: BROWSERS });
  // The end of an element of the page would end it, wherever it is in the text.
  for (const text of [script, style]) if (/<\/(script|style)|<!--/i.test(text)) throw new Error('markup in the script');
  const packages = [
    ...new Set(
      Object.keys(metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
    ),
  ].sort();
  return { script, style, licences: packages.map(licenceOf).join('\n'), packages };
}

/** The assets of each page, and the packages whose code is in them. */
export async function pages() {
  const [picture, report] = await Promise.all(['src/picture', 'src/report-page'].map(pageAssets));
  if (picture === undefined || report === undefined) throw new Error('a page is missing');
  const { packages: ofPicture, ...pictureAssets } = picture;
  const { packages: ofReport, ...reportAssets } = report;
  return { assets: { picture: pictureAssets, report: reportAssets }, packages: [...ofPicture, ...ofReport] };
}
