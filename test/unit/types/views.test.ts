// SPDX-License-Identifier: Apache-2.0
// All members of kernel structures that the source reads are in the layout profiles that it writes. Only the command is
// imported, so modules that the program loads late are missing here as they are there.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { layout } from '../../../src/commands/layout.js';
import { perform } from '../../../src/commands/perform.js';
import { nodesOf, sources, textsOf } from '../../build/source.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-views-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A kernel that has every structure and member. */
const EVERYTHING = {
  source: 'everything',
  sizeOf: () => 8,
  member: () => ({ offset: 0, size: 8, count: 1, element: 8, kind: 'number' as const }),
  enumerators: () => new Map([['PG_locked', 0]]),
};

interface Profile {
  readonly structs: Readonly<Record<string, { readonly members: Readonly<Record<string, unknown>> }>>;
  readonly enums: Readonly<Record<string, unknown>>;
}

let profile: Profile;
beforeAll(async () => {
  const output = join(folder, 'everything.json');
  const identity = { release: '1', version: null, buildId: null, kvmBuildId: null, source: 'everything' };
  const described = { types: EVERYTHING, identity, close: () => undefined };
  const log = {
    warn: (text: string) => {
      throw new Error(text);
    },
    note: () => undefined,
    found: () => undefined,
    step: <T>(_: string, work: () => T) => work(),
    stepAsync: <T>(_: string, work: () => Promise<T>) => work(),
    tick: () => undefined,
    status: () => undefined,
  };
  const streams = { log, write: () => Promise.resolve(), input: () => [][Symbol.iterator]() as never };
  const files = {
    core: () => [],
    inputs: [],
    open: () => Promise.reject(new Error('no dump is to be opened')),
    describe: () => Promise.resolve(described),
  };
  const request = { command: layout, values: { output, force: false }, words: [], inner: [] };
  await perform(request, { files }, 'text', streams);
  profile = JSON.parse(readFileSync(output, 'utf8')) as Profile;
});

interface Call {
  readonly place: string;
  /** The arguments. */
  readonly words: readonly ts.Expression[];
}

/** The calls in src/ of functions or methods with these names. */
function* calls(...names: readonly string[]): Generator<Call> {
  for (const source of sources())
    for (const node of nodesOf(source)) {
      if (!ts.isCallExpression(node) || !names.includes(nameOf(node.expression))) continue;
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      yield { place: `${source.fileName}:${line + 1}`, words: [...node.arguments] };
    }
}

const nameOf = (called: ts.Expression): string =>
  ts.isIdentifier(called) ? called.text : ts.isPropertyAccessExpression(called) ? called.name.text : '';

describe('a profile has', () => {
  test('every view, with all names of its members in the source', () => {
    const missing: string[] = [];
    let count = 0;
    for (const { place, words } of calls('fields')) {
      const [struct = '?', ...members] = words.flatMap(textsOf);
      count++;
      const has = profile.structs[struct]?.members ?? {};
      if (profile.structs[struct] === undefined) missing.push(`${place}: struct ${struct}`);
      missing.push(...members.filter((name) => !(name in has)).map((name) => `${place}: ${struct}.${name}`));
    }
    expect(missing).toEqual([]);
    expect(count).toBeGreaterThan(40);
  });

  test('every structure and member that the source reads by name', () => {
    const missing: string[] = [];
    let count = 0;
    for (const { place, words } of calls('sizeOf', 'member', 'describes')) {
      const literals = words.filter(ts.isStringLiteral).map(({ text }) => text);
      const [struct, member] = literals;
      if (struct === undefined) continue;
      count++;
      const has = profile.structs[struct];
      if (has === undefined || (member !== undefined && !(member in has.members)))
        missing.push(`${place}: ${literals.join('.')}`);
    }
    expect(missing).toEqual([]);
    expect(count).toBeGreaterThan(8);
  });

  test('every enumeration; the source uses none that it does not declare', () => {
    const declared = [...calls('enumeration')].flatMap(({ words }) => words.flatMap(textsOf));
    expect(Object.keys(profile.enums)).toEqual(declared.sort());
    expect(declared.length).toBeGreaterThan(0);
    const asked = [...calls('enumerators')].filter(({ words }) => words.some((word) => textsOf(word).length > 0));
    expect(asked.map(({ place }) => place)).toEqual([]);
  });
});
