// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError } from 'commander';
import type { ExitCode } from '../commands/command.js';
import { PAGE_SIZE } from '../core/address.js';
import { UsageError } from '../core/errors.js';
import { needAddress, printable } from '../core/text.js';
import { openImage } from '../open.js';
import type { StderrLog } from './log.js';
import { type CoreOptions, coreOf, coreOptions, inputOf } from './options.js';
import { streams } from './streams.js';

interface PhysOptions extends CoreOptions {
  readonly bytes: number;
  readonly binary?: boolean;
  readonly verbose?: boolean;
}

const DEFAULT_BYTES = 256;
/** Addresses are exact up to here. */
const MOST_BYTES = 2 ** 52;

const HELP = `
A row has 16 bytes, as xxd prints them. A byte that the dump lacks is never shown as 00: a line with -- says how many are
missing from there on, and why (excluded: makedumpfile left them out; outside: not covered by the dump; cut-off;
undecodable; unreadable).

Exit status: 0 all bytes are there, 1 some are missing, 2 none is there (with --binary: not all are, nothing is written).

Examples:
  kvm-vtop phys -c vmcore f601840 -n 64
  kvm-vtop phys -c vmcore f601000 -n 4096 --binary > page`;

/** kvm-vtop phys: physical memory, out of any dump that opens. */
export function addPhys(
  root: Command,
  finish: (code: ExitCode) => void,
  openLog: (verbose: boolean) => StderrLog,
  before: (root: Command, word: string) => void,
): void {
  coreOptions(root.command('phys'), 'a dump of any kind that is read; again for each part of a split one')
    .summary('print physical memory of the machine')
    .description('Prints what a dump holds at a host physical address. No kernel is looked for.')
    .option('-n, --bytes <count>', 'how many bytes, decimal or with 0x', countOf, DEFAULT_BYTES)
    .option('--binary', 'the bytes as they are')
    .option('-v, --verbose', 'on standard error: what the file is')
    .argument('<address>', 'host physical address, hexadecimal')
    .addHelpText('after', HELP)
    .action(async (word: string, options: PhysOptions) => {
      before(root, 'phys');
      finish(await run(word, options, openLog(options.verbose ?? false)));
    });
}

async function run(word: string, options: PhysOptions, log: StderrLog): Promise<ExitCode> {
  const { frame, offset } = needAddress(word);
  if (frame === null) throw new UsageError(`'${printable(word)}' is no physical address: they end at 2^52`);
  const { phys } = await import('../commands/phys.js');
  const opened = await openImage(coreOf(options), { log, ...inputOf(options) });
  log.found(`${opened.image.name}: ${opened.image.reader.description}`);
  const question = { address: frame * PAGE_SIZE + offset, length: options.bytes, binary: options.binary ?? false };
  return phys(opened.image, question, streams(log)).finally(opened.close);
}

function countOf(text: string): number {
  const count = /^(0x[0-9a-f]{1,14}|[0-9]{1,16})$/i.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_BYTES) throw new InvalidArgumentError('A number of bytes, 1 to 2^52.');
  return count;
}
