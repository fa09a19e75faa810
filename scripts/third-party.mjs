// SPDX-License-Identifier: Apache-2.0
// The licences of the packages that are bundled into dist/.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseJson } from './json.mjs';

const root = new URL('../', import.meta.url);
/** @type {(path: string) => string} */
const at = (path) => fileURLToPath(new URL(path, root));

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

/**
 * The members of a package.json that this script reads.
 *
 * @typedef {string | { name?: string }} Person
 * @typedef {{ version: string, license?: string, author?: Person, contributors?: Person[] }} Manifest
 */

/**
 * Name, version and licence of an installed package. Throws if there is no licence text that can be shipped.
 *
 * @param {string} name
 */
export function licenceOf(name) {
  const folder = `node_modules/${name}`;
  const manifest = /** @type {Manifest} */ (parseJson(readFileSync(at(`${folder}/package.json`), 'utf8')));
  const file = ['LICENSE', 'LICENSE.txt', 'LICENSE.md', 'license']
    .map((text) => at(`${folder}/${text}`))
    .find((path) => existsSync(path));
  const title = `${name} ${manifest.version}`;
  if (file !== undefined) return `${title}\n\n${readFileSync(file, 'utf8')}`;
  // Some packages name their licence but do not ship its text.
  if (manifest.license !== 'MIT') throw new Error(`${name}: no licence text that can be shipped`);
  return `${title}\n\nCopyright (c) ${holdersOf(manifest).join(', ')}\n\n${MIT}`;
}

/** @type {(manifest: Manifest) => string[]} */
function holdersOf({ author, contributors = [] }) {
  const names = [author, ...contributors].flatMap(
    (person) => (typeof person === 'object' ? person.name : person) ?? [],
  );
  return [...new Set(names.filter((name) => name !== '').map((name) => name.replace(/ <.*/, '')))];
}
