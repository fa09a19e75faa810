// SPDX-License-Identifier: Apache-2.0
// measure [FOLDER]: sizes of the source: lines per file and function, exports and their documentation, comments.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const [folder = 'src'] = process.argv.slice(2);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|js|mjs)$/.test(name) && !name.endsWith('.d.ts'))
  .map((name) => join(folder, name));

/** @type {(values: readonly number[]) => string} Median, 90th percentile, largest. */
const spread = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return `${at(0.5)}/${at(0.9)}/${sorted.at(-1) ?? 0}`;
};

const lines = files.map((file) => readFileSync(file, 'utf8').split('\n').length - 1);
/** @type {number[]} */
const functions = [];
/** @type {number[]} */
const exported = [];
let [documented, comments, filled] = [0, 0, 0];

for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineOf = (/** @type {number} */ place) => source.getLineAndCharacterOfPosition(place).line;
  let exports = 0;
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (
      ts.isFunctionLike(node) &&
      'body' in node &&
      node.body !== undefined &&
      ts.isBlock(/** @type {ts.Node} */ (node.body))
    )
      functions.push(lineOf(node.end) - lineOf(node.getStart(source)) + 1);
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const statement of source.statements) {
    const isExported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
    if (!isExported) continue;
    exports++;
    if (ts.getJSDocCommentsAndTags(statement).length > 0) documented++;
  }
  exported.push(exports);
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    filled++;
    if (/^\s*(\/\/|\/?\*)/.test(line)) comments++;
  }
}

const total = exported.reduce((sum, count) => sum + count, 0);
console.log(`${folder}: ${files.length} files, ${lines.reduce((sum, count) => sum + count, 0)} lines`);
console.log(`lines per file (median/90th percentile/largest): ${spread(lines)}`);
console.log(`lines per function: ${spread(functions)} (${functions.length} functions)`);
console.log(
  `exports per file (median/90th percentile/largest): ${spread(exported)}; documented: ${documented} of ${total}`,
);
console.log(`comment lines: ${Math.round((100 * comments) / filled)} %`);
console.log(`files of 200 lines and more: ${lines.filter((count) => count >= 200).length}`);
console.log(
  `functions of 15 lines and more: ${functions.filter((count) => count >= 15).length}, of 60 and more: ${functions.filter((count) => count >= 60).length}`,
);
