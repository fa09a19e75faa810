// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { parseAddress } from '../core/text.js';
import type { PhysicalMemory, Stretch } from '../dump/physical.js';
import { gapLine, HexDump } from '../report/hexdump.js';
import type { RowWriter } from '../report/records.js';
import { command, type ExitCode } from './command.js';
import { flag, parsed } from './options.js';

const DEFAULT_BYTES = 256;
/** Addresses are exact up to here. */
const MOST_BYTES = 2 ** 52;

/** Physical memory, out of any dump that opens. */
export const phys = command({
  name: 'phys',
  summary: 'print physical memory of the machine',
  description: 'Prints what a dump holds at a host physical address. No kernel is looked for.',
  needs: 'image',
  args: {
    name: 'address',
    summary: 'host physical address, hexadecimal',
    number: 'one',
    missing: 'the host physical address',
    stdin: false,
    parse(word) {
      const asked = parseAddress(word);
      return asked === null || asked.frame === null ? null : asked.frame * PAGE_SIZE + asked.offset;
    },
    invalid: (word) =>
      parseAddress(word) === null
        ? `'${word}' is not a hexadecimal address`
        : `'${word}' is no physical address: they end at 2^52`,
  },
  options: {
    bytes: parsed('count', 'how many bytes, decimal or with 0x', DEFAULT_BYTES, {
      short: 'n',
      read: countOf,
      expected: 'A number of bytes, 1 to 2^52.',
    }),
    binary: flag('the bytes as they are'),
  },
  records: [],
  csv: false,
  notes: [
    'A row has 16 bytes, as xxd prints them. A byte that the dump lacks is never shown as 00: a line with -- says how many are missing from there on, and why (excluded: makedumpfile left them out; outside: not covered by the dump; cut-off; undecodable; unreadable).',
  ],
  examples: [{ line: 'phys -c vmcore f601840 -n 64' }, { line: 'phys -c vmcore f601000 -n 4096 --binary > page' }],
  exit: {
    0: 'all bytes are there',
    1: 'some are missing',
    2: 'none is there (with --binary: not all are, nothing is written)',
  },

  *run({ memory, words, options: { bytes, binary } }) {
    const [address = 0] = words;
    if (binary) checkAll(memory, address, bytes);
    let [some, gaps] = [false, false];
    for (const stretch of memory.read(address, bytes)) {
      if (stretch.bytes === null) gaps = true;
      else some = true;
      yield stretch;
    }
    return exitOf(some, gaps);
  },

  text: ({ options: { binary } }) => (binary ? { row: ({ bytes }) => bytes ?? '' } : hexRows()),
});

const exitOf = (some: boolean, gaps: boolean): ExitCode => (gaps ? (some ? 1 : 2) : 0);

function countOf(text: string): number | null {
  const count = /^(0x[0-9a-f]{1,14}|[0-9]{1,16})$/i.test(text) ? Number(text) : 0;
  return count < 1 || count > MOST_BYTES ? null : count;
}

/** All or nothing: in a stream of bytes nothing can stand for one that is missing. */
function checkAll(memory: PhysicalMemory, address: number, length: number): void {
  for (const { gap, address: at, length: missing } of memory.read(address, length))
    if (gap !== null)
      throw new DumpError(
        `0x${missing.toString(16)} bytes at 0x${at.toString(16)} are not in the dump, nothing was written: ${gap.message}`,
        { hint: 'without --binary they are shown as what they are' },
      );
}

function hexRows(): RowWriter<Stretch> {
  const dump = new HexDump();
  return {
    row: ({ bytes, address, length, gap }) =>
      bytes === null
        ? dump.flush() + gapLine(address, length, gap?.reason ?? '', gap?.message ?? '')
        : dump.add(address, bytes),
    end: () => dump.flush(),
  };
}
