// SPDX-License-Identifier: Apache-2.0

import { loadKernelCodecs } from '../codecs/index.js';
import { least } from '../core/bigints.js';
import { UsageError } from '../core/errors.js';
import { digitsOfPage } from '../report/hex.js';
import { kinds } from '../report/records.js';
import { size, table } from '../report/table.js';
import { bytesFinder, type Finder, regexFinder } from '../search/finder.js';
import { BadPattern } from '../search/pattern.js';
import { type Match, Window } from '../search/window.js';
import { type Pages, type Piece, pieces } from '../spaces/reading.js';
import type { SpaceReason } from '../spaces/space.js';
import { command } from './command.js';
import { memoryOptions } from './guest-memory.js';
import { addressSpace, parsed, type Values, valued } from './options.js';
import { ranges, rangesOf } from './ranges.js';
import { type Area, type Searched, searched } from './search-areas.js';
import { type MatchRow, matches, type PlaceIn, type SearchTotalRow, searchTotals } from './search-rows.js';
import { Sources } from './sources.js';

const bytesOf = (text: string): Uint8Array | null => {
  const digits = text.replace(/^0x/i, '').replace(/[\s:]/g, '');
  return /^(?:[0-9a-f]{2}){1,65536}$/i.test(digits) ? Buffer.from(digits, 'hex') : null;
};

const options = {
  text: valued('text', 'search for this text, as UTF-8', { short: 's', excludes: ['hex', 'regex'] }),
  hex: parsed<Uint8Array | null>('hex', 'search for these bytes, hexadecimal', null, {
    short: 'x',
    read: bytesOf,
    expected: 'it must be pairs of hexadecimal digits',
    excludes: ['regex'],
  }),
  regex: valued('regex', 'search for matches of this regular expression, in the syntax of RE2, for bytes', {
    short: 'e',
  }),
  mask: parsed<Uint8Array | null>('hex', 'with -x: the bits that must be equal, as many bytes, hexadecimal', null, {
    short: 'm',
    read: bytesOf,
    expected: 'it must be pairs of hexadecimal digits',
  }),
  ...memoryOptions,
  addressSpace,
};

/** Searches the memory of a guest. */
export const search = command({
  name: 'search',
  summary: 'search memory of a guest',
  description:
    "Searches a guest's physical memory, or the ranges of it that are given, for a text, for bytes or for a regular expression; or its virtual memory, or that of the process in which the VM is.",
  needs: 'vm',
  args: ranges,
  options,
  records: kinds(matches, searchTotals),
  csv: true,
  aside: (row) => (isMatch(row) ? '' : totalText(row)),
  notes: [
    'Matches can cross pages and memslots whose addresses follow each other; each is found once. Texts and bytes are also found where they overlap. A match of a regular expression has at most 65,536 bytes: a longer one is cut, and the search for the next one begins after it; the time that it takes grows with the memory, whatever the expression.',
    'In a regular expression, . and a class stand for one byte; other characters beyond ASCII stand for their bytes in UTF-8, of which (?i) ignores no case, and \\x{e9} is the byte e9.',
    'Bytes that are not in the dump are counted: there can be other matches in them. With --gva, addresses that the guest does not map are no memory, and are not counted.',
  ],
  examples: [
    { line: "search -c vmcore -g alpha -s 'Kernel panic'" },
    { line: 'search -c vmcore -g alpha -x 7f454c46020101 -p 0-3fffffff', note: 'bytes, in a range' },
    { line: 'search -c vmcore -g alpha -x 48b8000000000000 -m ffff000000000000', note: 'only two of the bytes matter' },
    { line: "search -c vmcore -g alpha -e 'Linux version [0-9.]+' --json" },
  ],
  exit: {
    0: 'there are matches, and all of the memory was searched',
    1: 'there is no match, or some of the memory is not in the dump',
    2: 'nothing was searched',
  },

  async *run(context) {
    const { selected, options: given, log, form } = context;
    const finder = await finderOf(given);
    await loadKernelCodecs();
    const asked = await rangesOf(context);
    const memory = log.step('memslots', () => searched(selected, given, asked));
    const done = new Done();
    yield found(memory, finder, done);
    done.sources.report(log);
    const complete = done.missing === 0 && memory.missing === null;
    const problems = memory.missing === null ? [] : [`memory may be missing: ${memory.missing}`];
    const { matches: number, searched: bytes, missing } = done;
    if (form !== 'json') for (const problem of problems) log.warn(problem);
    const of = { kvm: selected.vm.address, pid: selected.pid };
    yield [{ record: 'total', ...of, matches: number, searched: bytes, missing, complete, problems } as const];
    if (bytes === 0) return 2;
    return number > 0 && complete ? 0 : 1;
  },

  text({ options: { gva, hva } }) {
    const physical = hva ? [] : (['gpa'] as const);
    const rows = table<MatchRow>([
      ...([...(gva ? (['gva'] as const) : []), ...physical, 'hva', 'hpa'] as const).map((name) => ({
        heading: name.toUpperCase(),
        align: 'right' as const,
        text: (row: MatchRow) => textOf(row[name]),
      })),
      { heading: 'LENGTH', align: 'right', text: ({ length }) => `${length}` },
      { heading: 'BYTES', text: ({ bytes }) => shown(bytes) },
    ]);
    return {
      row: (row: MatchRow | SearchTotalRow) =>
        isMatch(row) ? rows.row(row) : `${rows.end?.() ?? ''}${totalText(row)}\n`,
    };
  },
});

/** What a search has counted so far. */
class Done {
  matches = 0;
  searched = 0;
  missing = 0;
  readonly sources = new Sources();
}

function* found({ memory, areas, places }: Searched, finder: Finder, done: Done): Generator<MatchRow> {
  const window = new Window(finder);
  const rowOf = ({ page, offset, length, bytes }: Match): MatchRow => {
    done.matches++;
    return { record: 'match', ...places(page, offset), length, bytes };
  };
  for (const area of areas) {
    for (const piece of piecesOf(memory, area)) {
      const { page, offset, length, bytes, gap } = piece;
      done.sources.add(piece);
      if (bytes === null) {
        if (gap === null || !NO_MEMORY.has(gap.reason)) done.missing += length;
        for (const match of window.end()) yield rowOf(match);
      } else {
        done.searched += length;
        for (const match of window.add(page, offset, bytes)) yield rowOf(match);
      }
    }
    for (const match of window.end()) yield rowOf(match);
  }
}

/** Reasons why there is no memory at a guest virtual address, so that none is missing. */
const NO_MEMORY: ReadonlySet<SpaceReason> = new Set(['gva-not-present', 'gva-noncanonical']);

/** Lengths from 2^53 on would not be exact as numbers. */
const MOST_BYTES = 2n ** 52n;

function* piecesOf(memory: Pages, { first, end }: Area): Generator<Piece> {
  for (let at = first; at < end; at += MOST_BYTES)
    yield* pieces(memory, Number(at / 4096n), Number(at % 4096n), Number(least(end - at, MOST_BYTES)));
}

async function finderOf({ text, hex, regex, mask }: Values<typeof options>): Promise<Finder> {
  if (mask !== null && hex === null) throw new UsageError('--mask needs --hex');
  if (text !== null) {
    if (text === '') throw new UsageError('--text: the text is empty');
    return bytesFinder(Buffer.from(text), null);
  }
  if (hex !== null) {
    if (mask !== null && mask.length !== hex.length)
      throw new UsageError(`--mask has ${mask.length} bytes, --hex has ${hex.length}: they must have as many`);
    return bytesFinder(hex, mask);
  }
  if (regex === '') throw new UsageError('--regex: the expression is empty');
  if (regex === null) throw new UsageError('what to search for is missing: give -s, -x or -e; see search --help');
  const [character] = /[^\0-\xff]/u.exec(regex) ?? [];
  if (character !== undefined) throw new UsageError(notAByte(character));
  try {
    return await regexFinder(regex);
  } catch (error) {
    if (error instanceof BadPattern) throw new UsageError(`--regex: ${error.message}`);
    throw error;
  }
}

/** Memory has no such character, so that nothing would be found. */
const notAByte = (character: string): string =>
  `--regex: '${character}' is not a byte; write the bytes of its encoding, in UTF-8 ${Array.from(Buffer.from(character), (byte) => `\\x${byte.toString(16)}`).join('')}`;

const isMatch = (row: MatchRow | SearchTotalRow): row is MatchRow => row.record === 'match';

const textOf = (place: PlaceIn | null): string => (place === null ? '' : digitsOfPage(place.page, place.offset));

const shown = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');

const totalText = ({ matches: number, searched: bytes, missing }: SearchTotalRow): string =>
  `${number} ${number === 1 ? 'match' : 'matches'} in ${size(bytes)}${missing === 0 ? '' : `; ${size(missing)} are not in the dump`}`;
