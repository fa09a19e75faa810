// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { DumpImage } from '../dump/image.js';
import { PhysicalMemory, type Stretch } from '../dump/physical.js';
import { gapLine, HexDump } from '../report/hexdump.js';
import type { ExitCode, Streams } from './command.js';

export interface PhysQuestion {
  /** Host physical address and bytes, below 2^53. */
  readonly address: number;
  readonly length: number;
  /** The bytes as they are instead of text. */
  readonly binary: boolean;
}

/** Prints what a dump holds at a host physical address. */
export async function phys(image: DumpImage, question: PhysQuestion, streams: Streams): Promise<ExitCode> {
  const memory = new PhysicalMemory(image);
  const { address, length } = question;
  return question.binary ? binary(memory, address, length, streams) : text(memory, address, length, streams);
}

async function text(memory: PhysicalMemory, address: number, length: number, streams: Streams): Promise<ExitCode> {
  const dump = new HexDump();
  let [some, gaps] = [false, false];
  for (const stretch of memory.read(address, length)) {
    if (stretch.bytes === null) gaps = true;
    else some = true;
    await streams.write(
      stretch.bytes === null ? dump.flush() + gapOf(stretch) : dump.add(stretch.address, stretch.bytes),
    );
  }
  await streams.write(dump.flush());
  return gaps ? (some ? 1 : 2) : 0;
}

const gapOf = ({ address, length, gap }: Stretch): string =>
  gapLine(address, length, gap?.reason ?? '', gap?.message ?? '');

/** All or nothing: in a stream of bytes nothing can stand for one that is missing. */
async function binary(memory: PhysicalMemory, address: number, length: number, streams: Streams): Promise<ExitCode> {
  for (const { gap, address: at, length: missing } of memory.read(address, length))
    if (gap !== null)
      throw new DumpError(
        `0x${missing.toString(16)} bytes at 0x${at.toString(16)} are not in the dump, nothing was written: ${gap.message}`,
        { code: 'not-in-dump', hint: 'without --binary they are shown as what they are' },
      );
  for (const { bytes } of memory.read(address, length)) if (bytes !== null) await streams.write(bytes);
  return 0;
}
