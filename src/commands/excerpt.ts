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

/** A small dump that still answers. */
export const excerpt = command({
  name: 'excerpt',
  summary: 'write a small dump that still answers these addresses',
  description:
    'Writes a small dump with only the pages that the answers to these addresses read, or that another command reads.',
  needs: 'files',
  args: { ...addresses, number: 'any' },
  takesCommand: true,
  options: {
    process: valued('pid|task', 'the process that holds the VM, as in the main command', { short: 'g' }),
    vm: valued('fd|kvm', 'which VM of a process with several, as in the main command'),
    addressSpace,
    ...output,
  },
  records: [],
  csv: false,
  notes: [
    "The excerpt is a kdump-compressed file with the pages that the answers read, and the dump's notes. It holds no memory of the guest, but whole pages of the host's kernel, with whatever lies beside the structures that were read, and the registers of its processors: look before you send it to a stranger. What vms reads includes the command lines of the VMs' processes. On disk its bitmaps are holes.",
  ],
  examples: [
    { line: 'excerpt -c vmcore -g 191579 -p 34de5840 -o small.kdump' },
    { line: 'excerpt -c vmcore -o small.kdump -- vms -- slots', note: 'what other commands read' },
  ],
  exit: { 0: 'every answer is whole', 1: 'some are not', 2: 'nothing was written' },

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
      const what = whole.length === 0 ? `${made.count} addresses` : `all that ${whole.join(' and ')} reads`;
      return summary(made, path, what);
    },
  }),
});

/** Commands that read a dump can be recorded, each without a dump of its own. */
function recorded(request: Request): Request {
  const { command: inner, values } = request;
  if (inner.needs === 'nothing' || inner.needs === 'files')
    throw new UsageError(`'${inner.name}' reads no dump, so that nothing of it can be recorded`);
  if ((values.core as readonly string[]).length > 0)
    throw new UsageError(`the dump is named before --, not among the words of '${inner.name}'`);
  checkWords(request);
  return request;
}

const summary = ({ pages, size }: Cut, path: string, what: string): string =>
  `${oneLine(path)}: ${pages} pages, ${size} bytes, ${what}, the same answers when read again\n`;

/** The main job with the command's own options. */
function questionOf({ values, words }: Request): Request {
  const { process, vm, addressSpace: space } = values as Pick<Question, 'process' | 'vm' | 'addressSpace'>;
  if (words.length === 0 && process !== null)
    throw new UsageError('-p is missing: the guest physical addresses; see --help');
  return requestFor({ process, vm, addressSpace: space, addresses: words });
}

/**
 * The same for a program that calls the library: cuts out of a dump what the answers to some questions read. The
 * questions are asked again of the excerpt, and the answers must be the same. Returns the exit status of the answers.
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
  await streams.write(summary(made, path, `${made.count} addresses`));
  return made.code;
}
