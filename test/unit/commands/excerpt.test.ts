// SPDX-License-Identifier: Apache-2.0
// An excerpt contains no memory of the guests (the fixtures are excerpts). After writing, it is read again.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Opener } from '../../../src/commands/command.js';
import { excerptFor } from '../../../src/commands/excerpt.js';
import { perform } from '../../../src/commands/perform.js';
import { requestFor } from '../../../src/commands/vtop.js';
import { openDump } from '../../../src/open.js';
import { DUMP } from '../../build/alpha.js';
import { altered, kept } from '../../build/altered.js';
import { found, valuesOf } from '../../build/guest-values.js';
import { scratch } from '../../build/scratch.js';
import { FIXTURES, fixtures } from '../../run.js';

describe('a word that a program in the guests wrote is not in the fixture', () => {
  test.each(fixtures())('%s', async (name) => {
    const values = valuesOf(name);
    expect(values.size).toBeGreaterThan(100);
    const { pages, values: leaked } = await found(join(FIXTURES, name, 'vmcore.kdump'), values, 0x200000);
    expect(pages).toBeGreaterThan(300);
    expect([...leaked]).toEqual([]);
  });
});

const { folder } = scratch('excerpt');
const QUESTION = { process: '136', vm: null, addressSpace: 0, addresses: ['840', '1000840'] };

/** Writes an excerpt; `second` runs before it is read again. */
async function cut(name: string, second: () => void, changes: readonly (readonly [string, string])[] = []) {
  const output = join(folder, name);
  let opened = 0;
  const open: Opener = (path, options) => {
    if (++opened === 1) return openDump(path, options);
    second();
    return openDump(path, { ...options, watch: (image) => altered(image, changes) });
  };
  const streams = kept();
  const done = excerptFor(open, { core: [DUMP], output, force: false }, [QUESTION], streams);
  const outcome = await done.catch((error: unknown) => String(error));
  return { output, outcome, opened, out: streams.out.join('') };
}

describe('an excerpt is read again before it gets its name', () => {
  const left = () => readdirSync(folder).filter((name) => name.includes('partial'));

  test('it is kept if the answers are the same', async () => {
    const { output, outcome, out } = await cut('good', () => undefined);
    expect(outcome).toBe(0);
    expect(out).toMatch(/good: \d+ pages, \d+ bytes, 2 addresses; it gives the same answers as the whole dump\n/);
    expect(existsSync(output)).toBe(true);
  });

  test('it is deleted if the answers differ', async () => {
    // Changes one bit in the flags of the first entry of the walk.
    const { close, ...whole } = await openDump(DUMP);
    const streams = kept();
    await perform(requestFor({ ...QUESTION, addresses: ['840'] }), whole, 'json', streams);
    close();
    const { walk } = JSON.parse(streams.out.join('')) as { walk: { entry: string }[] };
    const entry = Buffer.alloc(8);
    entry.writeBigUInt64LE(BigInt(walk[0]?.entry ?? 0));
    const other = Buffer.from(entry);
    other[1] = (other[1] as number) ^ 2;
    const change = [entry.toString('latin1'), other.toString('latin1')] as const;
    const { output, outcome, opened } = await cut('other', () => undefined, [change]);
    expect(outcome).toMatch(/other: the excerpt gave other answers than the dump, so nothing was written/);
    expect(opened).toBe(2);
    expect(existsSync(output)).toBe(false);
    expect(left()).toEqual([]);
  });

  test('a file that meanwhile got the name is kept', async () => {
    const { output, outcome } = await cut('taken', () => {
      writeFileSync(join(folder, 'taken'), 'theirs');
    });
    expect(outcome).toMatch(/taken was created in the meantime; nothing was written/);
    expect(readFileSync(output, 'utf8')).toBe('theirs');
    expect(left()).toEqual([]);
  });

  test('if the name exists at the start, the dump is not opened', async () => {
    writeFileSync(join(folder, 'early'), 'theirs');
    const { outcome, opened } = await cut('early', () => undefined);
    expect(outcome).toMatch(/early already exists$/);
    expect(opened).toBe(0);
  });

  test("both bitmaps have the same frames, and phys_base is the kernel's", async () => {
    const { output } = await cut('parts', () => undefined);
    const bytes = readFileSync(output);
    const pages = bytes.readUInt32LE(436);
    const start = 4096 * (1 + bytes.readInt32LE(432));
    const half = (pages * 4096) / 2;
    const first = bytes.subarray(start, start + half);
    expect(first.equals(bytes.subarray(start + half, start + 2 * half))).toBe(true);
    expect(first.some((byte) => byte !== 0)).toBe(true);
    const { host, close } = await openDump(DUMP);
    expect(bytes.readBigInt64LE(4096)).toBe(host.info.number('phys_base'));
    close();
  });
});
