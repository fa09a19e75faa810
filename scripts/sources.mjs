// SPDX-License-Identifier: Apache-2.0
// Whether dist/ is up to date: the build writes a digest of its sources there.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
/** @type {(path: string) => string} */
const at = (path) => fileURLToPath(new URL(path, root));
const STAMP = 'dist/.sources';
const FOLDERS = ['src', 'parsers/generated', 'wasm/inflate'];
const FILES = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.browser.json',
  'scripts/api-page.mjs',
  'scripts/build.mjs',
  'scripts/build-wasm.mjs',
  'scripts/declarations.mjs',
  'scripts/lazy.mjs',
  'scripts/page-assets.mjs',
  'scripts/third-party.mjs',
];

/** Digest of everything that dist/ is built from. */
export function digest() {
  const inside = FOLDERS.flatMap((folder) =>
    readdirSync(at(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath}/${name}`),
  );
  const hash = createHash('sha256');
  for (const path of [...FILES.map(at), ...inside.sort()]) hash.update(`${path}\0`).update(readFileSync(path));
  return hash.digest('hex');
}

/** Whether dist/ is up to date. */
export const isBuilt = () =>
  existsSync(at('dist/cli.js')) && existsSync(at(STAMP)) && readFileSync(at(STAMP), 'utf8') === digest();

/**
 * Marks dist/ as up to date at the end of a build.
 *
 * @param {string} before the digest taken when the build began
 */
export function markBuilt(before) {
  writeFileSync(at(STAMP), before);
}
