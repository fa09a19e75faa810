// SPDX-License-Identifier: Apache-2.0
import { loadKernelCodecs } from '../codecs/index.js';
import { PAGE_SIZE } from '../core/address.js';
import { UsageError } from '../core/errors.js';
import { gapLine, HexDump } from '../report/hexdump.js';
import type { RowWriter } from '../report/records.js';
import { type Piece, pieces } from '../spaces/reading.js';
import { command } from './command.js';
import { memoryOf, memoryOptions } from './guest-memory.js';
import { addressSpace, byteCount, flag, parsed } from './options.js';
import { Sources } from './sources.js';
import { guestWords, isAddress, type Word, wordsOf } from './words.js';

const PAGE = BigInt(PAGE_SIZE);
const DEFAULT_BYTES = 256;
/** Addresses end here. */
const END = 2n ** 64n;
/** Longer ranges would have lengths that are not exact as numbers. */
const MOST_BYTES = 2n ** 53n;

/** Prints the memory of a guest. */
export const read = command({
  name: 'read',
  summary: 'print memory of a guest',
  description:
    'Prints the bytes of a guest at guest physical addresses, at virtual addresses of the guest, or at those of the process in which the VM is.',
  needs: 'vm',
  args: guestWords,
  options: {
    ...memoryOptions,
    addressSpace,
    bytes: byteCount(
      'number of bytes at each address that is not a range, decimal or hexadecimal with 0x',
      DEFAULT_BYTES,
    ),
    binary: flag('write the bytes themselves instead of text'),
    fill: parsed<number | null>(
      'byte',
      'with --binary: write this byte, hexadecimal, for each byte that is missing',
      null,
      {
        read: (text) => (/^(0x)?[0-9a-f]{1,2}$/i.test(text) ? Number.parseInt(text.replace(/^0x/i, ''), 16) : null),
        expected: 'it must be a hexadecimal byte',
      },
    ),
  },
  records: [],
  csv: false,
  notes: [
    'Each row has 16 bytes, as xxd prints them. Bytes that are missing are never shown as 00: a line with -- says how many bytes are missing at that address, and why: the reasons are those of docs/output.md, and those of phys for a page of the host that the dump does not have.',
  ],
  examples: [
    { line: 'read -c vmcore -g alpha -p f601840 -n 64' },
    { line: 'read -c vmcore -g alpha -p 1000-1fff 200000+1000 --binary > pages', note: 'two ranges, as bytes' },
    { line: 'read -c vmcore -g alpha --gva ffffffff81000000', note: "through the guest's page tables" },
  ],
  exit: {
    0: 'all bytes were printed',
    1: 'some bytes are missing (with --binary: nothing after the first of them was written, unless --fill is given)',
    2: 'all bytes are missing',
  },

  async *run(context) {
    const { selected, options: given, log } = context;
    if (given.fill !== null && !given.binary) throw new UsageError('--fill needs --binary');
    await loadKernelCodecs();
    const sources = new Sources();
    const memory = log.step('memslots', () => memoryOf(selected, given));
    let [some, gaps] = [false, false];
    for await (const words of wordsOf(context)) {
      for (const word of words) {
        const { page, offset, length } = placeOf(word, given.bytes);
        for (const piece of pieces(memory, page, offset, length)) {
          sources.add(piece);
          if (piece.gap === null) some = true;
          else gaps = true;
          if (piece.gap !== null && given.binary && given.fill === null) {
            log.warn(
              `0x${addressOf(piece).toString(16)}: ${piece.length} bytes are missing: ${piece.gap.message}`,
              piece.gap,
            );
            sources.report(log);
            return some ? 1 : 2;
          }
          // The bytes are read into the same place again.
          yield piece.bytes !== null
            ? [{ ...piece, bytes: piece.bytes.slice() }]
            : given.binary
              ? parts(piece)
              : [piece];
        }
      }
    }
    if (!some && !gaps) throw new UsageError('standard input has no addresses');
    sources.report(log);
    return gaps ? (some ? 1 : 2) : 0;
  },

  text: ({ options: { binary, fill } }) => (binary ? byteRows(fill ?? 0) : hexRows()),
});

interface Place {
  readonly page: number;
  readonly offset: number;
  readonly length: number;
}

/** Where the bytes of a word are. Throws `UsageError` for what reaches beyond all addresses. */
function placeOf(word: Word, bytes: number): Place {
  const first = isAddress(word) ? BigInt(`0x${word.digits}`) : word.first;
  const length = isAddress(word) ? BigInt(bytes) : word.last - word.first + 1n;
  if (first + length > END)
    throw new UsageError(`0x${first.toString(16)}: ${length} bytes from there on reach above 2^64`);
  if (length >= MOST_BYTES)
    throw new UsageError(`0x${first.toString(16)}: ${length} bytes are too many; at most 2^53 - 1 are read`);
  return { page: Number(first / PAGE), offset: Number(first % PAGE), length: Number(length) };
}

/** Bytes that are made at a time in the place of those that are missing. */
const MOST_FILLED = 0x10000;

function* parts(piece: Piece): Generator<Piece> {
  for (let left = piece.length; left > 0; left -= MOST_FILLED) yield { ...piece, length: Math.min(left, MOST_FILLED) };
}

const addressOf = ({ page, offset }: Piece): bigint => BigInt(page) * PAGE + BigInt(offset);

function hexRows(): RowWriter<Piece> {
  const dump = new HexDump();
  return {
    row(piece) {
      const { bytes, length, gap } = piece;
      return bytes === null
        ? dump.flush() + gapLine(addressOf(piece), length, gap?.reason ?? '', gap?.message ?? '')
        : dump.add(addressOf(piece), bytes);
    },
    end: () => dump.flush(),
  };
}

/** The bytes themselves; `fill` takes the place of each that is missing. */
const byteRows = (fill: number): RowWriter<Piece> => ({
  row: ({ bytes, length }) => bytes ?? Buffer.alloc(length, fill),
});
