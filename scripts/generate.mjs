// SPDX-License-Identifier: Apache-2.0
// Writes the parts of docs/ that are generated from the commands; with --check, fails if they are out of date.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reference } from './reference.mjs';

const docs = fileURLToPath(new URL('../docs/', import.meta.url));
const isCheck = process.argv.includes('--check');
const { generatedDocs } = await reference();
const files = generatedDocs();
/** @type {(path: string) => string | null} */
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : null);
const stale = [...files].filter(([path, text]) => read(join(docs, path)) !== text).map(([path]) => path);
// Pages of commands that no longer exist.
const left = ['commands', 'schemas']
  .filter((folder) => existsSync(join(docs, folder)))
  .flatMap((folder) => readdirSync(join(docs, folder)).map((name) => `${folder}/${name}`))
  .filter((path) => !files.has(path));

if (isCheck) {
  for (const path of [...stale, ...left]) console.error(`docs/${path} is not up to date; run: npm run generate`);
  if (stale.length + left.length > 0) process.exitCode = 1;
} else {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(docs, path)), { recursive: true });
    writeFileSync(join(docs, path), text);
  }
  for (const path of left) rmSync(join(docs, path));
}
