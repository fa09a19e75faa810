// SPDX-License-Identifier: Apache-2.0
import { Command, Option } from 'commander';
import type { ExitCode } from '../commands/command.js';
import type { Question } from '../commands/excerpt.js';
import { Vtop } from '../commands/vtop.js';
import { UsageError } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { fileExists } from '../io/cache-folder.js';
import { describeDump, describeFiles, openDump } from '../open.js';
import type { Style } from '../report/text.js';
import type { DescribedKernel } from '../types/profile.js';
import type { StderrLog } from './log.js';
import {
  type AskOptions,
  asking,
  besideOf,
  besideOptions,
  checkWords,
  coreOf,
  coreOptions,
  type DumpOptions,
  filesOf,
  inputOf,
  needed,
} from './options.js';
import { addPhys } from './phys.js';
import { streams } from './streams.js';

/** Put in by the build: the package's version. */
declare const KVM_VTOP_VERSION: string;

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

const LAYOUT_EXAMPLE = `
Exit status: 0 the profile is whole, 1 it lacks structures that are named, 2 nothing was written.

Example:
  kvm-vtop layout --vmlinux vmlinux --kvm-module kvm.ko.debug -o layout.json
  kvm-vtop -c vmcore --layout layout.json -g 191579 -p 34de5840`;

/** The command line. `finish` gets the exit code, `openLog` the wish for --verbose. */
export function program(finish: (code: ExitCode) => void, openLog: (verbose: boolean) => StderrLog): Command {
  const root = asking(new Command('kvm-vtop'))
    .description(
      "Where a guest physical address was in QEMU and in the machine\n(GPA -> HVA -> HPA), out of a crashed KVM host's vmcore alone.",
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
        write(errorLine(text));
      },
    })
    .helpCommand(false)
    .action(async (more: string[], options: VtopOptions) => {
      checkWords(
        more.filter((word) => options.core.length > 0 || !fileExists(word)),
        root.commands.map((command) => command.name()),
      );
      finish(await vtop(options, more, openLog));
    });
  addHelp(root, finish);
  addPhys(root, finish, openLog, refuseBefore);
  coreOptions(
    besideOptions(root.command('layout')),
    'a dump of that kernel; else --vmlinux, and --kvm-module where KVM is a module',
  )
    .summary('write down the layout of a kernel, for machines without its debug information')
    .description(
      'Writes a layout profile: the offsets and sizes that are read of one build of a kernel, out of its debug\ninformation or out of a dump that brings its own.',
    )
    .option('-o, --output <file>', 'the file to write')
    .option('--force', 'overwrite it if it exists')
    .option('-v, --verbose', 'on standard error: what was found where, and the time each step took')
    .addHelpText('after', LAYOUT_EXAMPLE)
    .action(async (options: LayoutOptions) => {
      refuseBefore(root, 'layout');
      finish(await layout(options, openLog));
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

/** What commander finds wrong as one line; it puts a suggestion on a line of its own. */
const errorLine = (text: string): string =>
  `kvm-vtop: ${oneLine(
    text
      .replace(/^error: /, '')
      .trimEnd()
      .replaceAll('\n', ' '),
  )}\n`;

/** kvm-vtop help COMMAND. */
function addHelp(root: Command, finish: (code: ExitCode) => void): void {
  root
    .command('help')
    .summary('show what a command does, and its options')
    .argument('[command]')
    .action((word?: string) => {
      const command = word === undefined ? root : root.commands.find((each) => each.name() === word);
      if (command === undefined)
        throw new UsageError(
          `'${word ?? ''}' is not a command; there are: ${root.commands.map((each) => each.name()).join(', ')}`,
        );
      command.outputHelp();
      finish(0);
    });
}

interface LayoutOptions extends DumpOptions {
  readonly output?: string;
  readonly force?: boolean;
}

/** Options in front of a command's word would be the main job's, and lost. */
function refuseBefore(root: Command, word: string): void {
  const given = root.options.find((option) => root.getOptionValueSource(option.attributeName()) === 'cli');
  if (given !== undefined)
    throw new UsageError(`${given.short ?? given.long ?? ''} stands before '${word}'; its options go behind that word`);
}

function questionOf(options: AskOptions, more: readonly string[]): Question {
  const { process = null, physical = [], vm = null, addressSpace } = options;
  const addresses = [...physical, ...more];
  if (addresses.length === 0 && process !== null)
    throw new UsageError('-p is missing: the guest physical addresses; see --help');
  return { process, vm, addressSpace, addresses };
}

async function vtop(
  options: VtopOptions,
  more: readonly string[],
  openLog: (verbose: boolean) => StderrLog,
): Promise<ExitCode> {
  const paths = coreOf(options, [...(options.physical ?? []), ...more]);
  const command = new Vtop({ ...questionOf(options, more), json: options.json ?? false, style: options.style });
  const log = openLog(options.verbose ?? false);
  const { host, close } = await log.stepAsync('open', () =>
    openDump(paths, { log, ...inputOf(options), beside: besideOf(options) }),
  );
  return command.run(host, streams(log)).finally(close);
}

async function excerpt(
  options: ExcerptOptions,
  more: readonly string[],
  openLog: (verbose: boolean) => StderrLog,
): Promise<ExitCode> {
  const core = coreOf(options);
  const question = questionOf(options, more);
  const output = needed(options.output, '-o is missing: the file to write');
  const { excerpt: cut } = await import('../commands/excerpt.js');
  const beside = besideOf(options);
  return cut(
    (paths, more) => openDump(paths, { ...more, beside, inputFormat: paths === core ? options.inputFormat : 'auto' }),
    { core, output, force: options.force ?? false, inputs: filesOf(beside) },
    [question],
    streams(openLog(options.verbose ?? false)),
  );
}

async function layout(options: LayoutOptions, openLog: (verbose: boolean) => StderrLog): Promise<ExitCode> {
  const output = needed(options.output, '-o is missing: the file to write');
  const { core, vmlinux, kvmModule, force = false } = options;
  const inputs = [...core, ...filesOf(besideOf(options))];
  const log = openLog(options.verbose ?? false);
  const { layout: write } = await import('../commands/layout.js');
  const open = (): Promise<DescribedKernel> => {
    if (core.length > 0) return describeDump(core, { log, ...inputOf(options), beside: besideOf(options) });
    const from = needed(vmlinux, '--vmlinux or -c is missing: what the layout is taken from; see layout --help');
    return describeFiles(from, kvmModule ?? null, log);
  };
  return write(open, { output, force, inputs }, streams(log));
}
