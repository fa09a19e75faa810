// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { parseAddress } from '../core/text.js';
import type { PhysicalMemory, Stretch } from '../dump/physical.js';
import { gapLine, HexDump } from '../report/hexdump.js';
import type { RowWriter } from '../report/records.js';
import { command, type ExitCode } from './command.js';
import { byteCount, flag } from './options.js';

const DEFAULT_BYTES = 256;

/** Prints physical memory from any dump that can be opened. */
export const phys = command({
  name: 'phys',
  summary: 'print physical memory of the host',
  description:
    'Prints the bytes that a dump has at a host physical address. The dump need not be that of a KVM host, and no debug information is needed.',
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
        : `'${word}' is not a physical address: it must be below 2^52`,
  },
  options: {
    bytes: byteCount('number of bytes, decimal or hexadecimal with 0x', DEFAULT_BYTES),
    binary: flag('write the bytes themselves instead of text'),
  },
  records: [],
  csv: false,
  notes: [
    'Each row has 16 bytes, as xxd prints them. Bytes that the dump lacks are never shown as 00: a line with -- says how many bytes are missing at that address, and why (excluded: makedumpfile left them out; outside: the dump does not cover the address; cut-off: the file ends before them; undecodable: the page cannot be decoded; unreadable: the file cannot be read).',
  ],
  examples: [{ line: 'phys -c vmcore f601840 -n 64' }, { line: 'phys -c vmcore f601000 -n 4096 --binary > page' }],
  exit: {
    0: 'all bytes were printed',
    1: 'some bytes are missing',
    2: 'all bytes are missing (with --binary: any byte is missing, and nothing was written)',
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

/** Throws `DumpError` if any byte is missing: a stream of bytes has no way to mark a gap. */
function checkAll(memory: PhysicalMemory, address: number, length: number): void {
  for (const { gap, address: at, length: missing } of memory.read(address, length))
    if (gap !== null)
      throw new DumpError(
        `0x${missing.toString(16)} bytes at 0x${at.toString(16)} are not in the dump: ${gap.message}; nothing was written`,
        { code: 'not-in-dump', hint: 'without --binary the other bytes are printed' },
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
