// SPDX-License-Identifier: Apache-2.0
// Bytes that arrive in pieces and are searched in windows: every match is found once, wherever it lies.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytesFinder, type Finder, regexFinder } from '../../../src/search/finder.js';
import { BadPattern } from '../../../src/search/pattern.js';
import { type Match, SHOWN, Window } from '../../../src/search/window.js';

/** Bytes at an address; what is next does not follow if it is elsewhere. */
interface Stretch {
  readonly page: number;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Cuts a stretch at page borders, and at some of these places. */
function* piecesOf({ page, offset, bytes }: Stretch, cuts: readonly number[]): Generator<Stretch> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const from = page * 4096 + offset + at;
    const most = Math.min(4096 - (from % 4096), bytes.length - at);
    const size = Math.max(1, Math.min(most, cuts.length === 0 ? most : (cuts[i % cuts.length] as number)));
    yield { page: Math.floor(from / 4096), offset: from % 4096, bytes: bytes.subarray(at, at + size) };
    at += size;
  }
}

function search(finder: Finder, stretches: readonly Stretch[], cuts: readonly number[], step = finder.step): Match[] {
  const window = new Window({ ...finder, step });
  const found: Match[] = [];
  for (const stretch of stretches) {
    for (const { page, offset, bytes } of piecesOf(stretch, cuts)) found.push(...window.add(page, offset, bytes));
    found.push(...window.end());
  }
  return found;
}

const addressOf = ({ page, offset }: { readonly page: number; readonly offset: number }): number =>
  page * 4096 + offset;
const shortOf = (found: readonly Match[]) => found.map((match) => [addressOf(match), match.length]);

/** Few different bytes, so that there are many matches. */
const letters = fc.constantFrom(0x61, 0x62, 0x0a, 0xff);
const someBytes = (minLength: number, maxLength: number) =>
  fc.array(letters, { minLength, maxLength, size: 'max' }).map((each) => Buffer.from(each));
const stretches = fc
  .array(fc.tuple(fc.nat(3), fc.nat(4095), someBytes(1, 400)), { minLength: 1, maxLength: 3 })
  .map((list) => list.map(([page, offset, bytes], i) => ({ page: i * 16 + page, offset, bytes })));
const cuts = fc.oneof(fc.constant([]), fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }));
const steps = fc.integer({ min: 1, max: 80 });

describe('bytes', () => {
  /** At each place, whether all bits of the mask are equal. */
  function naive(list: readonly Stretch[], wanted: Buffer, mask: Buffer | null): number[][] {
    const found: number[][] = [];
    for (const { bytes, ...at } of list)
      for (let i = 0; i + wanted.length <= bytes.length; i++)
        if (wanted.every((byte, k) => (((bytes[i + k] as number) ^ byte) & (mask?.[k] ?? 0xff)) === 0))
          found.push([addressOf(at) + i, wanted.length]);
    return found;
  }

  test('random bytes, pieces and windows equal a search of each stretch as a whole', () => {
    const masks = fc.constantFrom(0xff, 0xff, 0xf0, 0x01, 0x00);
    let count = 0;
    fc.assert(
      fc.property(
        stretches,
        cuts,
        steps,
        someBytes(1, 12),
        fc.array(masks, { minLength: 12, maxLength: 12 }),
        fc.boolean(),
        (list, sizes, step, wanted, bits, isMasked) => {
          const mask = isMasked ? Buffer.from(bits.slice(0, wanted.length)) : null;
          const expected = naive(list, wanted, mask);
          count += expected.length;
          expect(shortOf(search(bytesFinder(wanted, mask), list, sizes, step))).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
    expect(count).toBeGreaterThan(500);
  });

  test('matches overlap, and are not found in two stretches together', () => {
    const list = [
      { page: 1, offset: 4090, bytes: Buffer.from('aaaaaaaaaa') },
      { page: 9, offset: 0, bytes: Buffer.from('aa') },
    ];
    const found = shortOf(search(bytesFinder(Buffer.from('aaa'), null), list, [], 1));
    expect(found).toEqual(Array.from({ length: 8 }, (_, i) => [2 * 4096 - 6 + i, 3]));
  });

  test('a match that is longer than a page', () => {
    const wanted = Buffer.alloc(3 * 4096 + 5, 'abc');
    const bytes = Buffer.concat([Buffer.alloc(777, 'x'), wanted, Buffer.alloc(2 * 4096, 'y')]);
    const [match, ...others] = search(bytesFinder(wanted, null), [{ page: 5, offset: 100, bytes }], [], 10);
    expect([addressOf(match as Match), match?.length, match?.bytes.length, others]).toEqual([
      5 * 4096 + 877,
      wanted.length,
      SHOWN,
      [],
    ]);
    expect(Buffer.from(match?.bytes ?? []).toString()).toBe('abcabcabcabcabcabcabcabcabcabcab');
  });

  test('at the very end of all addresses', () => {
    const window = new Window(bytesFinder(Buffer.from('ab'), null));
    const found = [...window.add(2 ** 52 - 1, 4092, Buffer.from('xxab')), ...window.end()];
    expect(found.map(({ page, offset }) => [page, offset])).toEqual([[2 ** 52 - 1, 4094]]);
  });

  test('a mask of 65,536 bytes of which every other one matters', () => {
    const wanted = Buffer.alloc(65_536, 'ab');
    const mask = Buffer.from(wanted.map((_, i) => (i % 2 === 0 ? 0xff : 0)));
    const bytes = Buffer.alloc(66_000, 'ax');
    expect(search(bytesFinder(wanted, mask), [{ page: 0, offset: 0, bytes }], [])).toHaveLength(
      (66_000 - 65_536) / 2 + 1,
    );
  });

  test('the default step, with matches at its borders', () => {
    const finder = bytesFinder(Buffer.from('needle'), null);
    const bytes = Buffer.alloc(3 * finder.step + 12_345, 'n');
    const places = [0, 1, 2]
      .flatMap((i) => [-7, -6, -1, 0, 3].map((by) => (i + 1) * finder.step + by * 8))
      .concat(0, bytes.length - 6);
    for (const at of places) bytes.write('needle', at);
    const found = search(finder, [{ page: 7, offset: 0, bytes }], []);
    expect(shortOf(found)).toEqual(places.sort((a, b) => a - b).map((at) => [7 * 4096 + at, 6]));
  });
});

describe('regular expressions', () => {
  /** JavaScript's own, which finds the same for these. */
  const naive = (list: readonly Stretch[], pattern: string, flags: string): number[][] =>
    list.flatMap(({ bytes, ...at }) =>
      [...bytes.toString('latin1').matchAll(new RegExp(pattern, `g${flags}`))].flatMap(({ 0: text, index }) =>
        text === '' ? [] : [[addressOf(at) + index, text.length]],
      ),
    );

  test.each([
    ['ab', ''],
    ['a{1,5}', ''],
    ['a{2,9}b?', ''],
    ['[^a]{1,7}b', ''],
    ['(ab|ba|\\xff)', ''],
    ['a{0,3}', ''],
    ['\\ba', ''],
    ['\\bb{1,4}\\b', ''],
    ['\\Ba{1,3}\\B', ''],
    ['^a{1,3}', 'm'],
    ['[ab]{1,4}$', 'm'],
    ['^ab', ''],
    ['ab?$', ''],
    ['\\xff\\n', ''],
  ])('random bytes, pieces and windows equal a search of each stretch as a whole: %s %s', async (pattern, flags) => {
    const finder = await regexFinder(flags === '' ? pattern : `(?${flags})${pattern}`, 12);
    fc.assert(
      fc.property(stretches, cuts, steps, (list, sizes, step) => {
        expect(shortOf(search(finder, list, sizes, step))).toEqual(naive(list, pattern, flags));
      }),
      { numRuns: 120 },
    );
  });

  test('longer matches are cut, and the search goes on after the cut', async () => {
    const bytes = Buffer.alloc(1000, 'a');
    for (const step of [1, 50, 5000])
      expect(shortOf(search(await regexFinder('a+', 100), [{ page: 0, offset: 0, bytes }], [64], step))).toEqual(
        Array.from({ length: 10 }, (_, i) => [i * 100, 100]),
      );
  });

  test('the time to find one match does not grow with the memory', async () => {
    // Each search for the end of the first alternative is in vain.
    const bytes = Buffer.alloc(6_000, 'a');
    let searched = 0;
    const finder = await regexFinder('a.*b|a', 100);
    const counted: Finder = {
      ...finder,
      find(all, from, end) {
        searched = Math.max(searched, all.length);
        return finder.find(all, from, end);
      },
    };
    expect(search(counted, [{ page: 0, offset: 0, bytes }], [], 400)).toHaveLength(6_000);
    expect(searched).toBeLessThan(5000);
  });

  test.each(['(', 'a**', '[b-a]', 'a\\1', '(?=a)', 'x{2000}'])('%s is none', async (pattern) => {
    await expect(regexFinder(pattern)).rejects.toThrow(BadPattern);
  });
});

describe('a regular expression beyond ASCII stands for UTF-8', () => {
  const texts = 'Grüße aus Köln: naïve, 日本 — µ, ü, GRÜSSE [é]';
  const bytes = Buffer.from(texts, 'utf8');

  // V8's own expressions match characters: the same text is expected, as bytes.
  test.each([
    'ü',
    'Gr.*?ße',
    'Grüß+e',
    'ü+',
    '(?:日|本)+',
    'é\\]',
    '[[]é[]]',
    '[a[]é|ï',
    'K[^a]*?ö|日本 —',
    'n[[:alpha:]]ï|aïv',
    '^Grü',
    'a?ïve\\b',
  ])('%s', async (pattern) => {
    const finder = await regexFinder(pattern);
    const found = Array.from(finder.find(bytes, 0, bytes.length), ({ start, length }) =>
      bytes.toString('utf8', start, start + length),
    );
    const inJs = pattern.replace('[]]', '\\]').replace('[[:alpha:]]', '[a-z]').replace('[[]', '\\[');
    expect(found).toEqual(texts.match(new RegExp(inJs, 'gu')) ?? []);
  });

  const first = async (pattern: string, from: Buffer) => {
    const [hit] = (await regexFinder(pattern)).find(from, 0, from.length);
    return hit;
  };

  test('quoted text, and a single byte', async () => {
    expect(await first('\\Qß[ü]+\\E+', Buffer.from('xß[ü]++', 'utf8'))).toEqual({ start: 1, length: 8 });
    expect(await first('\\Q[ü', Buffer.from('x[ü', 'utf8'))).toEqual({ start: 1, length: 3 });
    expect(await first('ü\\x{e9}', Buffer.from('ü\xe9', 'latin1'))).toBeUndefined();
    expect(await first('ü\\x{e9}', Buffer.from([0xc3, 0xbc, 0xe9]))).toEqual({ start: 0, length: 3 });
  });

  // U+00C3, the first byte as a character, has the small letter U+00E3.
  test('(?i) ignores no case of its bytes', async () => {
    expect(await first('(?i)Xü', Buffer.from([0x78, 0xe3, 0xbc]))).toBeUndefined();
    expect(await first('(?i)Xü', Buffer.from('xü', 'utf8'))).toEqual({ start: 0, length: 3 });
  });

  test.each(['[ü]', '[^aü]', '[]ü]', '[[:alpha:]ü]', '[a\\]ü]', '\\ü', 'a[日'])('%s is refused', async (pattern) => {
    await expect(regexFinder(pattern)).rejects.toThrow(BadPattern);
  });
});
