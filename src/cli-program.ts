// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { StderrLog } from './cli-log.js';
import type { ExitCode, Streams } from './commands/command.js';
import type { Question } from './commands/excerpt.js';
import { Vtop } from './commands/vtop.js';
import { UsageError } from './core/errors.js';
import { openDump } from './open.js';
import type { Style } from './report/text.js';

/** Put in by the build: the package's version. */
declare const KVM_VTOP_VERSION: string;

interface AskOptions {
  readonly core?: string;
  readonly process?: string;
  readonly physical?: readonly string[];
  readonly vm?: string;
  readonly addressSpace: number;
  readonly verbose?: boolean;
}

interface VtopOptions extends AskOptions {
  readonly json?: boolean;
  readonly style: Style;
}

interface ExcerptOptions extends AskOptions {
  readonly output?: string;
  readonly force?: boolean;
}

const VTOP_EXAMPLES = `
Examples:
  kvm-vtop -c vmcore -g 191579 -p 34de5840            one address, as crash's vtop shows it
  kvm-vtop -c vmcore -g 191579 -p 0 1000 fee00000     several
  kvm-vtop -c vmcore -g ffff8dfd8256a000 -p 0 --json  a task by its address; one JSON object an address
  kvm-vtop -c vmcore -g 150 --vm 4 -p 0               one VM of a process that holds several
  kvm-vtop -c vmcore -g 150 -p - --json < addresses   one address a line from standard input

Exit status: 0 every address got a host physical address, 1 some have none (each says why), 2 nothing was answered.
A reader that closes early (| head) ends the program with 0. Without -g the processes that hold VMs are listed.`;

const EXCERPT_HELP = `
The excerpt is a kdump-compressed file with the pages that the answers read, and the dump's notes. It holds no memory
of the guest, but whole pages of the host's kernel, with whatever lies beside the structures that were read, and the
registers of its processors: look before you send it to a stranger. On disk its bitmaps are holes.

Exit status: as that of the answers; 2 if nothing was written.

Example:
  kvm-vtop excerpt -c vmcore -g 191579 -p 34de5840 -o small.kdump`;

/** The command line. `finish` gets the exit code, `openLog` the wish for --verbose. */
export function program(finish: (code: ExitCode) => void, openLog: (verbose: boolean) => StderrLog): Command {
  const root = asking(new Command('kvm-vtop'))
    .description(
      "Where a guest physical address was in QEMU and in the machine: GPA -> HVA -> HPA,\nout of a crashed KVM host's vmcore alone.",
    )
    .version(KVM_VTOP_VERSION)
    .enablePositionalOptions()
    .option('--json', 'one JSON object a line for each address (docs/output.md)')
    .addOption(
      new Option('--style <style>', "text as crash 9 prints it, or with the 2012 extension's labels")
        .choices(['crash', '2012'])
        .default('crash'),
    )
    .addHelpText('after', VTOP_EXAMPLES)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(`kvm-vtop: ${text.replace(/^error: /, '')}`);
      },
    })
    .action(async (more: string[], options: VtopOptions) => {
      finish(await vtop(options, more, openLog));
    });
  asking(root.command('excerpt'))
    .summary('write a small dump that still answers these addresses')
    .description('Writes a small dump with only the pages that the answers to these addresses read.')
    .option('-o, --output <file>', 'the file to write')
    .option('--force', 'overwrite it if it exists')
    .addHelpText('after', EXCERPT_HELP)
    .action(async (more: string[], options: ExcerptOptions) => {
      refuseBefore(root, 'excerpt');
      finish(await excerpt(options, more, openLog));
    });
  return root;
}

/** The options of every command that asks for addresses. */
function asking(command: Command): Command {
  return command
    .option('-c, --core <file>', "the host's vmcore: ELF or kdump-compressed")
    .option(
      '-g, --process <pid|task>',
      'the process that holds the VM: a pid (decimal, else hexadecimal) or a task_struct address',
    )
    .option(
      '-p, --physical <address...>',
      'guest physical addresses, hexadecimal; - reads one a line from standard input',
    )
    .option(
      '--vm <fd|kvm>',
      'which VM of a process with several: its file descriptor, or the address of its struct kvm',
    )
    .option('--address-space <number>', "KVM's address space: 0 the ordinary one, 1 that of SMM", spaceNumber, 0)
    .option('-v, --verbose', 'on standard error: what was found where, and the time each step took')
    .argument('[address...]', 'more addresses');
}

function spaceNumber(text: string): number {
  if (!/^[0-9]{1,3}$/.test(text)) throw new InvalidArgumentError('0 is the ordinary one, 1 that of SMM.');
  return Number(text);
}

/** Options in front of a command's word would be the main job's, and lost. */
function refuseBefore(root: Command, word: string): void {
  const given = root.options.find((option) => root.getOptionValueSource(option.attributeName()) === 'cli');
  if (given !== undefined)
    throw new UsageError(`${given.short ?? given.long ?? ''} stands before '${word}'; its options go behind that word`);
}

function needed<T>(value: T | undefined, problem: string): T {
  if (value === undefined) throw new UsageError(problem);
  return value;
}

function questionOf(options: AskOptions, more: readonly string[]): Question {
  const { process = null, physical = [], vm = null, addressSpace } = options;
  const addresses = [...physical, ...more];
  if (addresses.length === 0 && process !== null)
    throw new UsageError('-p is missing: the guest physical addresses; see --help');
  return { process, vm, addressSpace, addresses };
}

const coreOf = ({ core }: AskOptions): string => needed(core, "-c is missing: the host's vmcore; see --help");

async function vtop(
  options: VtopOptions,
  more: readonly string[],
  openLog: (verbose: boolean) => StderrLog,
): Promise<ExitCode> {
  const path = coreOf(options);
  const command = new Vtop({ ...questionOf(options, more), json: options.json ?? false, style: options.style });
  const log = openLog(options.verbose ?? false);
  const { host } = await log.stepAsync('open', () => openDump(path, log));
  return command.run(host, streams(log));
}

async function excerpt(
  options: ExcerptOptions,
  more: readonly string[],
  openLog: (verbose: boolean) => StderrLog,
): Promise<ExitCode> {
  const core = coreOf(options);
  const question = questionOf(options, more);
  const output = needed(options.output, '-o is missing: the file to write');
  const { excerpt: cut } = await import('./commands/excerpt.js');
  return cut(
    openDump,
    { core, output, force: options.force ?? false },
    [question],
    streams(openLog(options.verbose ?? false)),
  );
}

function streams(log: StderrLog): Streams {
  const { stdin, stdout } = process;
  return {
    log,
    async write(text) {
      log.clear();
      if (!stdout.write(text)) await once(stdout, 'drain');
    },
    async *input() {
      stdin.setEncoding('latin1');
      for await (const piece of stdin) yield piece as string;
    },
  };
}
