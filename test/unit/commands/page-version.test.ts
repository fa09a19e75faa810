// SPDX-License-Identifier: Apache-2.0
// The text of what neighbouring pages have in common is kept: a fact that were not compared would be printed for the wrong page.
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PageVersion } from '../../../src/commands/page-version.js';
import { openDump } from '../../../src/open.js';
import { PageFacts } from '../../../src/pages/facts.js';
import { FIXTURES } from '../../run.js';

const IN_DUMP = 'yes';
/** Which page it is: these are in the part of a record that is written for each page. */
const PLACE = ['frame', 'structPage', 'structOffset'];
const OBJECTS = ['kpage', 'mapping'];

test('each fact of a record is compared', async () => {
  const { host, close } = await openDump(join(FIXTURES, 'debian-7.2-pages', 'vmcore.kdump'), { needs: 'owners' });
  const facts = new PageFacts(host);
  close();
  const mapping = { kind: 'file', inode: 1, path: '/a', offset: 0 } as const;
  Object.assign(facts, { mapping, memcg: '/b', zone: 'DMA' });
  const version = new PageVersion();
  const now = (): number => version.of(facts, IN_DUMP);
  const compared = (owner: object, name: string): boolean => {
    const before = now();
    expect(now()).toBe(before);
    const kept: unknown = Reflect.get(owner, name);
    Reflect.set(owner, name, Symbol('another value'));
    const isChanged = now() > before;
    Reflect.set(owner, name, kept);
    return isChanged && now() > before + 1;
  };
  const names = Object.keys(facts).filter((name) => !PLACE.includes(name) && !OBJECTS.includes(name));
  expect(names.length).toBeGreaterThan(17);
  expect(names.filter((name) => !compared(facts, name))).toEqual([]);
  expect(Object.keys(mapping).filter((name) => !compared(mapping, name))).toEqual([]);
  expect(['high', 'low', 'count'].filter((name) => !compared(facts.kpage, name))).toEqual([]);
  const last = now();
  expect(version.of(facts, 'excluded')).toBeGreaterThan(last);
  facts.mapping = null;
  expect(version.of(facts, 'excluded')).toBeGreaterThan(last + 1);
  // Which page it is does not matter.
  facts.frame += 1;
  expect(version.of(facts, 'excluded')).toBe(last + 2);
});
