// SPDX-License-Identifier: Apache-2.0
// docs/api.md: the library's declarations with their doc comments, as a page for people.
import ts from 'typescript';

const NOTE = '<!-- Generated from the doc comments of the library: docs/testing.md, Golden files, says how. -->';
const INTRODUCTION =
  'All that the package `kvm-vtop` exports, with the doc comments of its declarations, `dist/index.d.ts`, which editors show ' +
  'too. Addresses are in bytes, as bigint; frames and page numbers are numbers: an address divided by 4096. ' +
  '[output.md](output.md#states-and-reasons) explains states and reasons, [examples/](../examples) has programs.';
const KINDS = /** @type {const} */ (['Functions', 'Classes', 'Types', 'Constants']);
/** Width of paragraphs, in columns. */
const WIDTH = 120;

/**
 * @typedef {object} Part A declaration.
 * @property {(typeof KINDS)[number]} kind
 * @property {string} name
 * @property {ts.Node} node
 * @property {boolean} isShown Whether the page has its code.
 * @property {string[]} members
 */

/** @type {(text: string) => string} */
const oneLine = (text) => text.replace(/\s+/g, ' ').trim();

/** Breaks a paragraph or an item of a list into lines. @type {(text: string, indent?: string) => string} */
function wrapped(text, indent = '') {
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > WIDTH)
      lines.push(last === undefined ? word : indent + word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}

/** The text of the last doc comment in a piece of source; null if there is none. @type {(text: string) => string | null} */
function docIn(text) {
  const last = [...text.matchAll(/\/\*\*(.*?)\*\//gs)].at(-1)?.[1];
  return last === undefined ? null : oneLine(last.replace(/^\s*\*/gm, ''));
}

/** @type {(node: ts.Node) => string | null} */
const docOf = (node) => docIn(node.getFullText().slice(0, node.getLeadingTriviaWidth()));

/** The code of a declaration without comments and line breaks. @type {(node: ts.Node) => string} */
function codeOf(node) {
  const text = ts
    .createPrinter({ removeComments: true })
    .printNode(ts.EmitHint.Unspecified, node, node.getSourceFile());
  return oneLine(text)
    .replace(/^export declare /, '')
    .replace(/;(?= \}|$)/g, '');
}

/** The same without the members. @type {(node: ts.Node) => string} */
const headOf = (node) => codeOf(node).replace(/ ?\{.*$/, '');

/** @type {(node: ts.Node, doc: string) => string} */
const item = (node, doc) => wrapped(`- \`${codeOf(node)}\`: ${doc}`, '  ');

/** The members that a declaration documents, and the documented alternatives of a union. @type {(node: ts.Node) => string[]} */
function membersOf(node) {
  if (ts.isUnionTypeNode(node)) {
    // The comment is before the `|`.
    const starts = [node.getFullStart(), ...node.types.map(({ end }) => end)];
    const docs = node.types.map((type, i) => docIn(node.getSourceFile().text.slice(starts[i], type.getStart())));
    if (docs.every((doc) => doc !== null)) return node.types.map((type, i) => item(type, docs[i] ?? ''));
  }
  /** @type {string[]} */
  const items = [];
  ts.forEachChild(node, (child) => {
    const doc = ts.isTypeElement(child) || ts.isClassElement(child) ? docOf(child) : null;
    items.push(...(doc === null ? membersOf(child) : [item(child, doc)]));
  });
  return items;
}

/** @type {(statement: ts.Statement) => Part[]} */
function partsOf(statement) {
  const members = membersOf(statement);
  if (ts.isFunctionDeclaration(statement) && statement.name !== undefined)
    return [{ kind: 'Functions', name: statement.name.text, node: statement, isShown: true, members: [] }];
  if ((ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement)) && statement.name !== undefined) {
    const isShown = statement.heritageClauses !== undefined;
    const kind = ts.isClassDeclaration(statement) ? 'Classes' : 'Types';
    return [{ kind, name: statement.name.text, node: statement, isShown, members }];
  }
  if (ts.isTypeAliasDeclaration(statement)) {
    const isShown = !ts.isUnionTypeNode(statement.type) || members.length < statement.type.types.length;
    return [{ kind: 'Types', name: statement.name.text, node: statement, isShown, members }];
  }
  if (ts.isVariableStatement(statement)) {
    const names = statement.declarationList.declarations.map(({ name }) => name.getText());
    return names.map((name) => ({ kind: 'Constants', name, node: statement, isShown: true, members: [] }));
  }
  return [];
}

/** @type {(part: Part) => string} */
function section({ kind, name, node, isShown, members }) {
  const code = kind === 'Classes' || ts.isInterfaceDeclaration(node) ? headOf(node) : codeOf(node);
  const parts = [
    `### ${name}`,
    wrapped(docOf(node) ?? ''),
    ...(isShown ? [`\`\`\`ts\n${code}\n\`\`\``] : []),
    ...(members.length === 0 ? [] : [members.join('\n')]),
  ];
  return parts.join('\n\n');
}

/**
 * The page for a file of declarations.
 *
 * @param {string} declarations
 */
export function apiPage(declarations) {
  const source = ts.createSourceFile('index.d.ts', declarations, ts.ScriptTarget.Latest, true);
  const parts = source.statements.flatMap(partsOf);
  const kinds = KINDS.map((kind) => ({ kind, of: parts.filter((part) => part.kind === kind) }));
  const index = kinds.map(({ kind, of }) =>
    wrapped(`- ${kind}: ${of.map(({ name }) => `[${name}](#${name.toLowerCase()})`).join(', ')}`, '  '),
  );
  const sections = kinds.flatMap(({ kind, of }) => [`## ${kind}`, ...of.map(section)]);
  return `${[NOTE, '# The library', wrapped(INTRODUCTION), index.join('\n'), ...sections].join('\n\n')}\n`;
}
