// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pfn } from '../../src/core/address.js';
import { openImage } from '../../src/dump/open.js';
import { FileSource } from '../../src/io/file-source.js';
import { FIXTURES } from '../run.js';

/** Searches the pages of a dump, up to a frame, for words with one of these values. */
export async function found(
  path: string,
  values: ReadonlySet<number>,
  frames: number,
): Promise<{ pages: number; values: Set<number> }> {
  const image = await openImage([FileSource.open(path)]);
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

/** The words that a program in the guests of a fixture's host wrote into their memory. */
export const valuesOf = (name: string): ReadonlySet<number> => {
  const { guestValues } = JSON.parse(readFileSync(join(FIXTURES, name, 'facts.json'), 'utf8')) as {
    guestValues: string[];
  };
  return new Set(guestValues.map((value) => Number.parseInt(value, 16)));
};
