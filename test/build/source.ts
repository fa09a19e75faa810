// SPDX-License-Identifier: Apache-2.0
// The source code, for tests of rules that it must follow.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../run.js';

const SRC = join(ROOT, 'src');

/** The parsed files of src/, named by their paths below it. */
export function* sources(isWanted: (name: string) => boolean = () => true): Generator<ts.SourceFile> {
  for (const name of readdirSync(SRC, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.ts') && isWanted(name)) yield parsed(name, readFileSync(join(SRC, name), 'utf8'));
}

export const parsed = (name: string, text: string): ts.SourceFile =>
  ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);

/** Every node of a tree, from the top. */
export function nodesOf(node: ts.Node): ts.Node[] {
  const below: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    below.push(...nodesOf(child));
  });
  return [node, ...below];
}

/** All text in a tree: strings, and the parts of templates between expressions. */
export const textsOf = (source: ts.Node): string[] =>
  nodesOf(source).flatMap((node) =>
    ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)
      ? [node.text]
      : [],
  );
