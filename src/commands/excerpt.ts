// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { checkTarget } from '../write/target.js';
import { addresses } from './addresses.js';
import { answersFromDump, command, type ExitCode, type Opener, type Request, type Streams } from './command.js';
import { type Cut, cut } from './cut.js';
import { addressSpace, output, valued } from './options.js';
import { checkWords, needWords } from './perform.js';
import { type Question, requestFor, vtop } from './vtop.js';

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
    "The excerpt is a kdump-compressed file with the pages that were read and the notes of the dump. It contains whole pages of the host's kernel, including data next to the structures that were read, and the registers of the host's processors: check what it discloses before you pass it on. It does not contain memory of the guest, except what a command after -- prints, such as phys.",
    "An excerpt for vms includes the command lines of the VMs' processes. So does one made with a name or a UUID after -g, because all VMs are searched for it; with a pid after -g it does not. One for vcpus includes the registers of the guests.",
    'Addresses and commands can be combined. -g, --vm and --address-space before -- apply to the addresses before it; each command after -- takes its own. Options about the dump and other files are given before --. The bitmaps of the file are holes, which take no space on disk.',
  ],
  examples: [
    { line: 'excerpt -c vmcore -g 191579 -p 34de5840 -o small.kdump' },
    { line: 'excerpt -c vmcore -o small.kdump -- vms -- slots', note: 'the pages that other commands read' },
    { line: 'excerpt -c vmcore -g 191579 -p 34de5840 -o small.kdump -- vms', note: 'both' },
  ],
  exit: {
    0: 'the excerpt was written, and every answer is complete',
    1: 'the excerpt was written, but some answers are missing or incomplete, on the whole dump too (the output says which)',
    2: 'nothing was written',
  },

  async *run({ files, request, options, streams }) {
    const core = files.core();
    const asked = [...ownQuestion(request), ...request.inner.map(recorded)];
    const { output: path, force } = options;
    if (path === null) throw new UsageError('-o is missing: the file to write');
    const target = checkTarget(path, force, files.inputs);
    const made = await cut(files.open, { core, target }, asked, streams);
    yield [{ made, path }];
    return made.code;
  },

  text: () => ({ row: ({ made, path }) => summary(made, path) }),
});

/** Checks a command that follows `--`: it must answer from a dump. */
function recorded(request: Request): Request {
  const { command: inner, values } = request;
  if (!answersFromDump(inner))
    throw new UsageError(
      `'${inner.name}' can't follow --: ${inner.needs === 'nothing' ? 'it does not read a dump' : 'it writes a file of its own'}`,
    );
  const writes = Object.entries(inner.options).find(([name, spec]) => spec.writes === true && values[name] != null);
  if (writes !== undefined) throw new UsageError(`'${inner.name}' can't follow -- if it writes a file`);
  checkWords(request);
  // As for the command alone: without -g, an error that lists the VMs is more useful.
  if (values.process !== null) needWords(request);
  return request;
}

/** The request for the addresses before `--`, with the options before it. None if there are only commands after `--`. */
function ownQuestion({ values, words, inner }: Request): Request[] {
  const { process, vm, addressSpace: space } = values as Pick<Question, 'process' | 'vm' | 'addressSpace'>;
  if (words.length === 0 && inner.length > 0) {
    const given = process !== null ? '-g' : vm !== null ? '--vm' : space !== 0 ? '--address-space' : null;
    if (given === null) return [];
    throw new UsageError(
      `${given} is before --, but applies only to addresses there; put it after the command that follows --`,
    );
  }
  if (words.length === 0 && process !== null)
    throw new UsageError('-p is missing: the guest physical addresses; see --help');
  return [requestFor({ process, vm, addressSpace: space, addresses: words })];
}

function summary({ pages, size, asked }: Cut, path: string): string {
  const lacking = asked.flatMap(({ request: { command: inner }, code }) =>
    code === 0 ? [] : [`; ${inner.name}: ${inner.exit[code] ?? 'incomplete'}`],
  );
  return `${oneLine(path)}: ${pages} pages, ${size} bytes, ${contentsOf(asked)}; it gives the same answers as the whole dump${[...new Set(lacking)].join('')}\n`;
}

/** What an excerpt was made for: the number of addresses, and the other commands. */
function contentsOf(asked: Cut['asked']): string {
  const isVtop = ({ request }: Cut['asked'][number]): boolean => request.command === vtop;
  const count = asked.filter(isVtop).reduce((sum, { request: { words } }) => sum + words.length, 0);
  const others = new Set(asked.filter((each) => !isVtop(each)).map(({ request }) => `'${request.command.name}'`));
  const parts = [
    ...(count === 0 ? [] : [count === 1 ? '1 address' : `${count} addresses`]),
    ...(others.size === 0 ? [] : [`all that ${[...others].join(' and ')} ${others.size === 1 ? 'reads' : 'read'}`]),
  ];
  return parts.join(' and ');
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
  await streams.write(summary(made, path));
  return made.code;
}
