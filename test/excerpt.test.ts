// SPDX-License-Identifier: Apache-2.0
// An excerpt holds no memory of the guests: the fixtures were cut with it, from dumps some of which have that memory.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { pfn } from '../src/core/address.js';
import { openImage } from '../src/dump/open.js';
import { FileSource } from '../src/io/file-source.js';
import { FIXTURES, fixtures, hasShared, SHARED } from './run.js';

/** Which of the values stand at any word of any page of a dump, below a frame. */
async function found(
  path: string,
  values: ReadonlySet<number>,
  frames: number,
): Promise<{ pages: number; values: Set<number> }> {
  const image = await openImage(FileSource.open(path));
  const seen = new Set<number>();
  let pages = 0;
  for (let frame = 0; frame < frames; frame++) {
    const page = image.frame(pfn(frame));
    if (page === null) continue;
    pages++;
    for (let at = 0; at < 4096; at += 4) {
      const word = page.getUint32(at, true);
      if (values.has(word)) seen.add(word);
    }
  }
  return { pages, values: seen };
}

const valuesOf = (name: string): ReadonlySet<number> => {
  const { guestValues } = JSON.parse(readFileSync(join(FIXTURES, name, 'facts.json'), 'utf8')) as {
    guestValues: string[];
  };
  return new Set(guestValues.map((value) => Number.parseInt(value, 16)));
};

describe('no word that a program in the guests wrote is in', () => {
  test.each(fixtures())('%s', async (name) => {
    const values = valuesOf(name);
    expect(values.size).toBeGreaterThan(100);
    const { pages, values: leaked } = await found(join(FIXTURES, name, 'vmcore.kdump'), values, 0x200000);
    expect(pages).toBeGreaterThan(300);
    expect([...leaked]).toEqual([]);
  });
});

const needsShared = hasShared ? test : test.skip;
needsShared('although they are in the dump that the 7.2 fixture was cut from', async () => {
  const values = valuesOf('debian-7.2');
  const { values: there } = await found(join(SHARED, 'dumps', 'debian-7.2-zstd-contents', 'vmcore'), values, 0x60000);
  expect(there.size).toBe(values.size);
});
