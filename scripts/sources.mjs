// SPDX-License-Identifier: Apache-2.0
// Whether dist/ was made of the sources as they are now: by a digest of them that the build leaves there.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const at = (path) => fileURLToPath(new URL(path, root));
const STAMP = 'dist/.sources';
const FOLDERS = ['src', 'parsers/generated'];
const FILES = ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts/build.mjs'];

/** Of all that dist/ is made of. */
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

export const isBuilt = () =>
  existsSync(at('dist/cli.js')) && existsSync(at(STAMP)) && readFileSync(at(STAMP), 'utf8') === digest();

/** For the build, once it is done: `before` is the digest of what it began with. */
export const markBuilt = (before) => writeFileSync(at(STAMP), before);
