// SPDX-License-Identifier: Apache-2.0
// Compiles parsers/*.ksy to parsers/generated/*.cjs. With --check: writes nothing, and fails if a file is not up to
// date.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import KaitaiStructCompiler from 'kaitai-struct-compiler';
import { parse } from 'yaml';

const check = process.argv.includes('--check');
const source = new URL('../parsers/', import.meta.url);
const target = new URL('generated/', source);
/** @type {string[]} */
const stale = [];

for (const name of readdirSync(source).filter((file) => file.endsWith('.ksy'))) {
  const files = await KaitaiStructCompiler.compile(
    'javascript',
    parse(readFileSync(new URL(name, source), 'utf8')),
    null,
    false,
  );
  for (const [file, text] of Object.entries(files)) {
    const out = new URL(file.replace(/\.js$/, '.cjs'), target);
    if (!check) writeFileSync(out, text);
    else if (!existsSync(out) || readFileSync(out, 'utf8') !== text) stale.push(out.pathname);
  }
}
if (stale.length > 0) {
  console.error(`not up to date: ${stale.join(', ')}; run: npm run parsers`);
  process.exitCode = 1;
}
