// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { checkTarget } from '../write/target.js';
import { addresses } from './addresses.js';
import { command, type ExitCode, type Opener, type Request, type Streams } from './command.js';
import { type Cut, cut } from './cut.js';
import { addressSpace, output, valued } from './options.js';
import { checkWords } from './perform.js';
import { type Question, requestFor } from './vtop.js';

/** Writes a small dump that gives the same answers as the whole one. */
export const excerpt = command({
  name: 'excerpt',
  summary: 'write a small dump that is enough to translate some addresses',
  description:
    'Writes a small dump with only the pages that are read to translate the addresses, or, after --, to run other commands. The answers from it are then compared with those from the whole dump.',
  needs: 'files',
  args: { ...addresses, number: 'any' },
  takesCommand: true,
  options: {
    process: valued('pid|task|name|uuid', 'the process that holds the VM, or the guest, as for the main command', {
      short: 'g',
    }),
    vm: valued('fd|kvm', 'which VM, if the process holds several, as for the main command'),
    addressSpace,
    ...output,
  },
  records: [],
  csv: false,
  notes: [
    "The excerpt is a kdump-compressed file with the pages that were read and the notes of the dump. It does not contain memory of the guest. It does contain whole pages of the host's kernel, including data next to the structures that were read, and the registers of the host's processors: check what it discloses before you pass it on. An excerpt for vms includes the command lines of the VMs' processes, one for vcpus the registers of the guests. The bitmaps of the file are holes, which take no space on disk.",
  ],
  examples: [
    { line: 'excerpt -c vmcore -g 191579 -p 34de5840 -o small.kdump' },
    { line: 'excerpt -c vmcore -o small.kdump -- vms -- slots', note: 'the pages that other commands read' },
  ],
  exit: {
    0: 'the excerpt was written, and every answer is complete',
    1: 'the excerpt was written, but some answers are missing or incomplete',
    2: 'nothing was written',
  },

  async *run({ files, request, options, streams }) {
    const core = files.core();
    const asked = request.inner.length === 0 ? [questionOf(request)] : request.inner.map(recorded);
    const { output: path, force } = options;
    if (path === null) throw new UsageError('-o is missing: the file to write');
    const target = checkTarget(path, force, files.inputs);
    const made = await cut(files.open, { core, target }, asked, streams);
    yield [{ made, path, asked }];
    return made.code;
  },

  text: () => ({
    row: ({ made, path, asked }) => {
      const whole = asked.filter(({ command: { args } }) => args === null).map(({ command: { name } }) => `'${name}'`);
      const what =
        whole.length === 0
          ? addressCount(made)
          : `all that ${whole.join(' and ')} ${whole.length === 1 ? 'reads' : 'read'}`;
      return summary(made, path, what);
    },
  }),
});

/** Checks a command that follows `--`: it must read a dump, and take the excerpt's instead of one of its own. */
function recorded(request: Request): Request {
  const { command: inner, values } = request;
  if (inner.needs === 'nothing' || inner.needs === 'files')
    throw new UsageError(`'${inner.name}' can't follow --: it does not read a dump`);
  if ((values.core as readonly string[]).length > 0)
    throw new UsageError(`-c must be given before --, not after '${inner.name}'`);
  checkWords(request);
  return request;
}

const addressCount = ({ count }: Cut): string => (count === 1 ? '1 address' : `${count} addresses`);

const summary = ({ pages, size }: Cut, path: string, what: string): string =>
  `${oneLine(path)}: ${pages} pages, ${size} bytes, ${what}; it gives the same answers as the whole dump\n`;

/** A request of the main command, with the options given to `excerpt`. */
function questionOf({ values, words }: Request): Request {
  const { process, vm, addressSpace: space } = values as Pick<Question, 'process' | 'vm' | 'addressSpace'>;
  if (words.length === 0 && process !== null)
    throw new UsageError('-p is missing: the guest physical addresses; see --help');
  return requestFor({ process, vm, addressSpace: space, addresses: words });
}

/**
 * Writes an excerpt for callers of the library: the pages of a dump that are read to answer `questions`. The questions
 * are asked again of the excerpt, which must give the same answers. Returns the exit status of the answers.
 */
export async function excerptFor(
  open: Opener,
  options: { readonly core: readonly string[]; readonly output: string; readonly force: boolean },
  questions: readonly Question[],
  streams: Streams,
): Promise<ExitCode> {
  const { core, output: path, force } = options;
  const target = checkTarget(path, force, core);
  const made = await cut(open, { core, target }, questions.map(requestFor), streams);
  await streams.write(summary(made, path, addressCount(made)));
  return made.code;
}
