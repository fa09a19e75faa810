// SPDX-License-Identifier: Apache-2.0
// The cached index of definitions: it is always verified before use, and failures to store it are harmless.
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { silentLog } from '../../src/core/log.js';
import { openObject } from '../../src/debuginfo/dwarf-file.js';
import { CachedDefinitions } from '../../src/debuginfo/index-cache.js';
import { openDebugSections } from '../../src/debuginfo/sections.js';
import type { DefinitionKind, Definitions } from '../../src/types/dwarf/definitions.js';
import { SearchedDefinitions } from '../../src/types/dwarf/definitions.js';
import { Entries } from '../../src/types/dwarf/entries.js';
import { compile, toC } from '../build/compiled.js';
import { Layouts } from '../build/layout.js';
import { KVM_TYPES, SMALL_KERNEL } from '../build/small-kernel.js';
import { gcc, needing } from '../needs.js';

const withGcc = needing(gcc);
const before = process.env.XDG_CACHE_HOME;
let home = '';

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kvm-vtop-cache-'));
  process.env.XDG_CACHE_HOME = home;
});
afterEach(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
});

/** Definitions that count the searches. */
class Counted implements Definitions {
  asked: string[] = [];
  constructor(readonly inner: Definitions) {}
  find(kind: DefinitionKind, name: string) {
    this.asked.push(name);
    return this.inner.find(kind, name);
  }
}

withGcc.describe('the index', () => {
  const path = () => compile(toC(new Layouts(SMALL_KERNEL + KVM_TYPES)), { linked: true });
  async function openRecord(file: string) {
    const object = await openObject(file);
    const entries = new Entries(await openDebugSections(object, null));
    const search = new Counted(new SearchedDefinitions(entries, []));
    const identity = { buildId: object.buildId as string, size: object.file.size };
    return { search, cached: new CachedDefinitions(entries, search, identity) };
  }
  const ask = (cached: CachedDefinitions) => [
    cached.find('structure', 'task_struct'),
    cached.find('structure', 'nobody'),
    cached.find('enumeration', 'pageflags'),
  ];
  const recordOf = () => {
    const [name = ''] = readdirSync(join(home, 'kvm-vtop', 'dwarf'));
    return join(home, 'kvm-vtop', 'dwarf', name);
  };

  test('a second run searches for nothing, not even for what does not exist', async () => {
    const file = path();
    const first = await openRecord(file);
    const found = ask(first.cached);
    expect(found).toEqual([expect.any(Object), null, expect.any(Object)]);
    first.cached.save(silentLog);
    expect(readdirSync(join(home, 'kvm-vtop', 'dwarf'))).toHaveLength(1);
    const second = await openRecord(file);
    expect(ask(second.cached)).toEqual(found);
    expect(second.search.asked).toEqual([]);
  });

  test.each<readonly [string, (text: string) => string]>([
    ['cut off', (text) => text.slice(0, -20)],
    ['without JSON', () => 'hello'],
    ['of another version', (text) => text.replace('"version":1', '"version":999')],
    [
      'with a changed position',
      (text) => text.replace(/"structure task_struct":\[(\d+),(\d+)\]/, '"structure task_struct":[$1,7]'),
    ],
    [
      'with a wrong statement of what is missing',
      (text) => text.replace('"structure nobody"', '"structure task_struct"'),
    ],
    ['of another file', (text) => text.replace(/"size":\d+/, '"size":1')],
  ])('an index %s is ignored', async (_name, change) => {
    const file = path();
    const first = await openRecord(file);
    const found = ask(first.cached);
    first.cached.save(silentLog);
    writeFileSync(recordOf(), change(readFileSync(recordOf(), 'utf8')));
    const second = await openRecord(file);
    expect(ask(second.cached)).toEqual(found);
    expect(second.search.asked).toHaveLength(3);
    second.cached.save(silentLog);
    expect(ask((await openRecord(file)).cached)).toEqual(found);
  });

  test('a position with a correct checksum but another definition is searched for again', async () => {
    const file = path();
    const first = await openRecord(file);
    const [task, , flags] = ask(first.cached);
    // As if a faulty version of the program had written it.
    const wrong: Definitions = { find: (kind) => (kind === 'structure' ? flags : task) as never };
    const { cached } = await openRecord(file);
    const lying = new CachedDefinitions(cached.entries, wrong, cached.identity);
    ask(lying);
    lying.save(silentLog);
    const third = await openRecord(file);
    expect(third.cached.find('structure', 'task_struct')).toEqual(task);
    expect(third.cached.find('enumeration', 'pageflags')).toEqual(flags);
  });

  test('a folder that cannot be written is harmless, and no incomplete file is left', async () => {
    process.env.XDG_CACHE_HOME = '/dev/null/none';
    const { cached } = await openRecord(path());
    ask(cached);
    const said: string[] = [];
    cached.save({ ...silentLog, found: (text) => said.push(text) });
    expect(said.join()).toMatch(/not cached/);
    expect(existsSync('/dev/null/none')).toBe(false);
  });

  test('many processes write it at once, and each reads a complete one', async () => {
    const file = path();
    const all = await Promise.all(Array.from({ length: 20 }, () => openRecord(file)));
    for (const { cached } of all) {
      ask(cached);
      cached.save(silentLog);
    }
    expect(readdirSync(join(home, 'kvm-vtop', 'dwarf'))).toHaveLength(1);
    const last = await openRecord(file);
    ask(last.cached);
    expect(last.search.asked).toEqual([]);
  });
});
