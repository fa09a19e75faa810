// SPDX-License-Identifier: Apache-2.0
// Joins the chunks (ES modules) into which esbuild splits a program to CommonJS files: one of all that is loaded at each start, and one
// for each chunk that is loaded later. CommonJS, because the loader of ES modules takes longer to start than the program.
import { basename } from 'node:path';
import ts from 'typescript';

/** @typedef {import('esbuild').BuildResult<{ metafile: true, write: false }>} Built */
/**
 * `name`: that of its file. `imports`: the names of the chunks that are loaded before it; `later`: of those that it loads itself.
 *
 * @typedef {{ name: string, text: string, imports: readonly string[], later: readonly string[] }} Chunk
 */

/** The folder of the files that are loaded later. esbuild puts packages and JSON there: see lazy.mjs. */
const FOLDER = 'parts';

/**
 * The texts of the files by their paths: that of the entry point, which is called `name`, and those of the chunks that are loaded later.
 * The first exports, besides, what each chunk in it exports, as `chunks`.
 *
 * @type {(built: Built, name: string) => Map<string, string>}
 */
export function linked(built, name) {
  const chunks = chunksOf(built);
  const entry = chunks.find((chunk) => chunk.name === name);
  if (entry === undefined) throw new Error(`${name} was not built`);
  const first = withImports(entry, chunks);
  const isFirst = (/** @type {string} */ name) => first.some((each) => each.name === name);
  const parts = chunks.filter(({ name }) => !isFirst(name));
  const start = first.map((chunk) => `chunks["${chunk.name}"]=(()=>{${body(chunk, `./${FOLDER}/`, isFirst)}})();\n`);
  const head = '"use strict";const chunks={};module.exports={chunks};\n';
  return new Map([
    [entry.name, `${head}${start.join('')}Object.assign(module.exports,chunks["${entry.name}"]);\n`],
    ...parts.map(
      (chunk) =>
        /** @type {const} */ ([
          `${FOLDER}/${chunk.name}`,
          `"use strict";const{chunks}=require("../${entry.name}");module.exports=(()=>{${body(chunk, './', isFirst)}})();\n`,
        ]),
    ),
  ]);
}

/** A chunk after all that it imports. @type {(chunk: Chunk, chunks: readonly Chunk[]) => Chunk[]} */
function withImports(chunk, chunks) {
  const before = chunks.filter(({ name }) => chunk.imports.includes(name));
  return [...new Set([...before.flatMap((each) => withImports(each, chunks)), chunk])];
}

/** @type {(built: Built) => Chunk[]} */
function chunksOf({ outputFiles, metafile }) {
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  return Object.entries(metafile.outputs).map(([path, { imports }]) => {
    /** @type {(kind: string) => string[]} */
    const of = (kind) =>
      imports.filter((each) => each.kind === kind && each.external !== true).map((each) => basename(each.path));
    const name = basename(path);
    return { name, text: texts.get(name) ?? '', imports: of('import-statement'), later: of('require-call') };
  });
}

/**
 * The body of a function that does what a chunk does, and returns what it exports. What a chunk exports is copied
 * when the chunk has run, so that it must not be assigned again (eslint.config.mjs). No chunks import each other: a chunk is what the same
 * entry points need, and imports only chunks that more of them need.
 *
 * @type {(chunk: Chunk, folder: string, isFirst: (name: string) => boolean) => string}
 */
function body({ name, text, later }, folder, isFirst) {
  /** What another chunk, or a module of Node.js, exports. @type {(specifier: string) => string} */
  const exportsOf = (specifier) => {
    const chunk = basename(specifier);
    if (!specifier.startsWith('./')) return `require("${specifier}")`;
    return isFirst(chunk) ? `chunks["${chunk}"]` : `require("${folder}${chunk}")`;
  };
  const { statements } = ts.createSourceFile(name, text, ts.ScriptTarget.Latest);
  const imported = statements.filter(ts.isImportDeclaration).flatMap((each) => importOf(each, exportsOf));
  const exported = statements.filter(ts.isExportDeclaration).flatMap(exportOf);
  const others = statements.filter((each) => !ts.isImportDeclaration(each) && !ts.isExportDeclaration(each));
  const own = later.reduce(
    (all, each) => all.replaceAll(`__require("./${each}")`, exportsOf(`./${each}`)),
    others.map(({ pos, end }) => text.slice(pos, end)).join(''),
  );
  return `${imported.join('')}${own}\nreturn{${exported.join(',')}};`;
}

/** Declarations of what is imported. @type {(statement: ts.ImportDeclaration, exportsOf: (specifier: string) => string) => string[]} */
function importOf({ importClause, moduleSpecifier }, exportsOf) {
  const from = exportsOf(/** @type {ts.StringLiteral} */ (moduleSpecifier).text);
  const { name, namedBindings: named } = importClause ?? {};
  if (named !== undefined && ts.isNamespaceImport(named)) return [`const ${named.name.text}=${from};`];
  const names = (named?.elements ?? []).map((each) => pair(each.propertyName ?? each.name, each.name));
  return [
    ...(name === undefined ? [] : [`const ${name.text}=${from};`]),
    ...(names.length === 0 ? [] : [`const{${names.join(',')}}=${from};`]),
  ];
}

/** Members of what is exported. @type {(statement: ts.ExportDeclaration) => string[]} */
function exportOf({ exportClause }) {
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) throw new Error('an export without names');
  return exportClause.elements.map((each) => pair(each.name, each.propertyName ?? each.name));
}

/** @type {(key: ts.ModuleExportName, value: ts.ModuleExportName) => string} */
const pair = (key, value) => (key.text === value.text ? key.text : `${key.text}:${value.text}`);
