// SPDX-License-Identifier: Apache-2.0
import {
  type Command,
  type ExitCode,
  type Files,
  type Form,
  hostNeedsOf,
  type Request,
  type Streams,
} from '../commands/command.js';
import { mainCommand } from '../commands/on-demand.js';
import type { OptionSpec } from '../commands/options.js';
import { checkWords, type Given, needWords, perform } from '../commands/perform.js';
import { DumpError, UsageError } from '../core/errors.js';
import { parseAddress } from '../core/text.js';
import { fileExists } from '../io/cache-folder.js';
import { describeDump, describeFiles, type OpenOptions, openDump, openImage } from '../open.js';
import { type BesideValues, besideOf, type ImageValues, optionsOf } from './groups.js';
import { readFollowing } from './parser.js';
import { questionOf, wordsOf } from './question.js';
import { startWorker } from './scan-start.js';

/** The program: its commands, as far as a request of them has come, and its version. */
interface Program {
  readonly commands: readonly Command[];
  readonly version: string;
  /** What tells this build of it from others; null if nothing is kept for other runs. */
  readonly build: string | null;
}

/** Opens what the command of a request needs, and runs it. */
export async function run(request: Request, program: Program, streams: Streams): Promise<ExitCode> {
  const { needs } = request.command;
  const values = request.values as unknown as Opening;
  const core = (): readonly string[] => coreOf(request, values.core);
  const paths = needs === 'nothing' || needs === 'files' || needs === 'many' ? [] : core();
  checkWords(request);
  // Without -g the VM is found, or an error lists the VMs. That error is more useful than one about missing addresses.
  if (request.values.process !== null) needWords(request);
  if (needs === 'nothing') return perform(request, { program: await described(program) }, 'text', streams);
  if (needs === 'many') return perform(request, { many: manyOf(request, program) }, 'text', streams);
  if (needs === 'files') return perform(request, { files: filesOf(values, core, streams) }, 'text', streams);
  const { close, ...opened } = await open(paths, request, streams, { program: program.build });
  const given = { ...opened, inputs: inputsOf(values), question: questionOf(request) };
  try {
    return await perform(request, given, formOf(request), streams);
  } catch (error) {
    throw given.image?.reader.isExcerpt === true ? withExcerpt(error, request) : error;
  } finally {
    close();
  }
}

/** Help and completion of the program. */
async function described({ commands, version }: Program): Promise<NonNullable<Given['program']>> {
  const { programOf } = await import('./program.js');
  return programOf(commands, version);
}

/** An error of a command on an excerpt. If pages are not in it, says what to do. */
function withExcerpt(error: unknown, { command, values }: Request): unknown {
  if (!(error instanceof DumpError) || error.code !== 'not-in-dump') return error;
  const asIs =
    values.process === null && command.needs !== 'log' ? 'use -g with the pid for which it was made, or ' : '';
  const what = command === mainCommand ? 'with this -g and -p' : `with -- ${command.name}`;
  return new DumpError(error.message, { origin: error, hint: `${asIs}make an excerpt from the whole dump ${what}` });
}

type Opening = ImageValues & BesideValues;

const formOf = ({ values }: Request): Form => (values.json === true ? 'json' : values.csv === true ? 'csv' : 'text');

/** Opens the dump of a request for what its command needs. */
export async function open(
  paths: readonly string[],
  request: Request,
  { log }: Streams,
  { learned, program = null }: Pick<OpenOptions, 'learned' | 'program'>,
): Promise<Given & { close: () => void }> {
  const values = request.values as unknown as Opening;
  const { inputFormat, guest: guests } = values;
  if (request.command.needs !== 'image')
    return log.stepAsync('open', () =>
      openDump(paths, {
        log,
        inputFormat,
        guests,
        beside: besideOf(values),
        needs: hostNeedsOf(request),
        keeps: true,
        ...(learned && { learned }),
        program,
      }),
    );
  const opened = await openImage(paths, { log, inputFormat, guests, keeps: true, ...(learned && { learned }) });
  log.found(`${opened.image.name}: ${opened.image.reader.description}`);
  return opened;
}

/** All files that the command line names. */
function inputsOf({ core, ...values }: Opening): readonly string[] {
  const { vmlinux, kvmModule, kvmAmdModule, systemMap, layout, vmcoreinfo } = values;
  const beside = [vmlinux, kvmModule, kvmAmdModule, systemMap, layout, vmcoreinfo];
  return [...core, ...beside.filter((path) => path != null)];
}

function filesOf(values: Opening, core: () => readonly string[], { log }: Streams): Files {
  const { inputFormat, guest: guests, vmlinux, kvmModule, kvmAmdModule = null } = values;
  const beside = besideOf(values);
  return {
    core,
    inputs: inputsOf(values),
    // An excerpt must have all that a run reads that knows nothing of the kernel's build.
    open: (paths, more) =>
      openDump(paths, { ...more, beside, ...(paths === values.core ? { inputFormat, guests } : {}) }),
    describe: () => {
      if (values.core.length > 0) return describeDump(values.core, { log, inputFormat, guests, beside });
      if (vmlinux !== null) return describeFiles({ vmlinux, kvmModule, kvmAmdModule }, log);
      throw new UsageError('--vmlinux or -c is missing: the source of the layout; see kvm-vtop layout --help');
    },
  };
}

/** The options of scan that are those of opening each dump. */
const OF_DUMPS = ['inputFormat', 'debugDir', 'debuginfod', 'types'] as const;

function manyOf(request: Request, { commands, version }: Program): NonNullable<Given['many']> {
  const specs = optionsOf(request.command);
  return {
    parse: (words) => readFollowing(words, commands, version),
    files: OF_DUMPS.flatMap((name) => wordsOf(name, specs[name] as OptionSpec<unknown>, request.values[name])),
    startWorker: startWorker,
    version,
  };
}

function coreOf({ command: { args }, words }: Request, core: readonly string[]): readonly string[] {
  if (core.length > 0) return core;
  const file = args === null ? undefined : words.find((word) => parseAddress(word) === null && fileExists(word));
  if (file !== undefined) throw new UsageError(`-c is missing: put it before the name of the dump: -c ${file}`);
  throw new UsageError("-c is missing: the host's vmcore; see --help");
}
