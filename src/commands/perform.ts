// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { lineBatches } from '../core/lines.js';
import type { Log } from '../core/log.js';
import { printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import { PhysicalMemory } from '../dump/physical.js';
import type { Host } from '../kernel/host.js';
import { forget, retried } from '../kernel/live.js';
import { findProcess, type Process } from '../kernel/process.js';
import { type Selected, selectVm } from '../kvm/select.js';
import { csv, jsonLines, type RowWriter, withOptions } from '../report/records.js';
import {
  type Args,
  BadLine,
  type Command,
  type ExitCode,
  type Files,
  type Form,
  type ManyGiven,
  type Need,
  type ProgramGiven,
  type Request,
  type Streams,
  type VmsGiven,
} from './command.js';
import { warning } from './problems.js';

/** The opened dump and other inputs, as far as the command needs them. */
export interface Given {
  readonly image?: DumpImage;
  readonly host?: Host;
  readonly files?: Files;
  /** Files that are read; and the options that choose the dump and the VM, as on a command line. */
  readonly inputs?: readonly string[];
  /** The VMs whose memory was opened in the machine's place. */
  readonly guests?: readonly Selected[];
  readonly question?: string;
  readonly program?: ProgramGiven['program'];
  readonly many?: Omit<ManyGiven, 'streams'>;
}

/** Output is written when more than this number of characters has been collected. */
const BATCH = 0x10000;

/** Runs a command on the inputs opened for it and writes its rows. The words must have been checked by `checkWords`. */
export async function perform(request: Request, given: Given, form: Form, streams: Streams): Promise<ExitCode> {
  const { command } = request;
  const { log } = streams;
  const context = contextOf(request, await inGuest(request, given, log), streams, form);
  const writer = writerOf(request, form, context, log);
  const code = await log.stepAsync('answers', () => write(command.run(context as never), writer, streams));
  const live = given.host?.frames.live;
  if (live !== undefined)
    log.found(`live: ${live.again} times an answer was read again; ${live.moved} answers moved each time`);
  return code;
}

/** For a command about the kernel's log, which can be that of the guest that -g names: what was opened, or that guest. */
async function inGuest({ command, values }: Request, given: Given, log: Log): Promise<Given> {
  const { process = null } = values as { process?: string | null };
  if (command.needs !== 'log' || process === null) return given;
  const { openGuestOf } = await import('./in-guest.js');
  const host = given.host as Host;
  // A running host has gone on since it was opened.
  forget(host);
  return openGuestOf(host, process, log);
}

/** What a command is run on: what was opened, and what it was asked. */
export function contextOf(request: Request, given: Given, streams: Streams, form: Form): object {
  const { command, values, words } = request;
  const { args } = command;
  // A running host has gone on since it was opened.
  if (given.host !== undefined) forget(given.host);
  const opened = GIVE[command.needs](given, request, streams);
  needWords(request);
  return {
    ...opened,
    options: values,
    form,
    log: streams.log,
    words: args === null ? [] : words.filter((word) => word !== '-' || !args.stdin).map((word) => parsed(args, word)),
    asked: args === null ? [] : asked(args, words, streams),
  };
}

/** The members that each need adds to a context. */
const GIVE: Readonly<Record<Need, (given: Given, request: Request, streams: Streams) => object>> = {
  nothing: ({ program }) => ({ program }),
  files: ({ files }, request, streams) => ({ files, request, streams }),
  many: ({ many }, _request, streams) => ({ ...many, streams }),
  image: ({ image }) => ({ image, memory: new PhysicalMemory(image as DumpImage) }),
  host: ({ image, host }) => ({ image, host }),
  log: ({ image, host }) => ({ image, host }),
  owners: ({ image, host }) => ({ image, host }),
  process: ({ image, host }, { values }, { log }) => {
    const { process } = values as { process: string | null };
    if (process === null) throw new UsageError('the pid, or the address of a task_struct', { missing: 'process' });
    const find = (): Process => retried(host as Host, () => findProcess(host as Host, process));
    return { image, host, process: log.step('process', find) };
  },
  vms: givenVms,
  vcpus: givenVms,
  vm: ({ image, host, guests = [], inputs = [], question = '' }, { values }, { log }) => {
    const { process, vm } = values as Pick<VmsGiven, 'process' | 'vm'>;
    return {
      image,
      host,
      guests,
      inputs,
      question,
      selected: log.step('VM', () => retried(host as Host, () => selectVm(host as Host, process, vm))),
    };
  },
};

function givenVms({ image, host }: Given, { values: { process, vm } }: Request): object {
  return { image, host, process, vm };
}

function writerOf({ command, values }: Request, form: Form, context: object, log: Log): RowWriter<unknown> {
  const { aside } = command;
  const records = command.records.map((kind) => withOptions(kind, values));
  const [first] = records;
  if (first === undefined) return command.text(context as never);
  if (form === 'json') return jsonLines(records);
  if (form === 'text') return warning(command.text(context as never), first, log);
  const note =
    aside === undefined
      ? undefined
      : (row: unknown) => {
          log.note(aside(row));
          // With -q there are no notes.
          for (const problem of problemsOf(row)) log.warn(printable(problem, 400));
        };
  return warning(csv(first, note), first, log);
}

const problemsOf = (row: unknown): readonly string[] =>
  (row as { readonly problems?: readonly string[] }).problems ?? [];

/** Throws `UsageError` if a command that needs words has none. */
export function needWords({ command: { args }, words }: Request): void {
  if (args?.number !== 'some' || words.length > 0) return;
  const name = args.option === undefined ? args.name : `-${args.option.short}`;
  throw new UsageError(`${name} is missing: ${args.missing}; see --help`);
}

/** Throws `UsageError` for words that the command can't take. Called before a dump is opened. */
export function checkWords({ command: { args }, words }: Request): void {
  if (args === null) return;
  for (const word of words) if (word !== '-' || !args.stdin) parsed(args, word);
}

function parsed<T>(args: Args<T>, word: string): T {
  const value = args.parse(word);
  if (value === null) throw new UsageError(args.invalid(printable(word)));
  return value;
}

/**
 * The words in order, with `-` replaced by the lines of standard input. Lines that have arrived are answered at once. There is
 * at least one group, which may be empty, if there are words.
 */
async function* asked<T>(
  args: Args<T>,
  words: readonly string[],
  streams: Streams,
): AsyncGenerator<readonly (T | BadLine)[]> {
  let group: T[] = [];
  for (const word of words) {
    if (word !== '-' || !args.stdin) {
      group.push(parsed(args, word));
      continue;
    }
    if (group.length > 0) yield group;
    group = [];
    let line = 0;
    yield [];
    for await (const lines of lineBatches(streams.input()))
      yield lines.map(({ text, cut }) => {
        line++;
        return (cut ? null : args.parse(text)) ?? new BadLine(text, line);
      });
  }
  if (group.length > 0) yield group;
}

/** Writes rows as they are produced. If a row fails, the rows before it are still written. */
async function write(
  rows: ReturnType<Command['run']>,
  writer: RowWriter<unknown>,
  streams: Streams,
): Promise<ExitCode> {
  const out = new Output(streams);
  try {
    await out.add(writer.begin?.() ?? '');
    const code =
      Symbol.asyncIterator in rows ? await writeGroups(rows, writer, out) : await writeAll(rows, writer, out);
    await out.add(writer.end?.() ?? '');
    return code;
  } catch (error) {
    // If nobody reads what it yields, a command must end its processes and remove its files.
    await rows.return(undefined);
    throw error;
  } finally {
    await out.flush();
  }
}

async function writeGroups(
  groups: AsyncGenerator<Iterable<unknown>, ExitCode | undefined>,
  writer: RowWriter<unknown>,
  out: Output,
): Promise<ExitCode> {
  for (;;) {
    const { done, value } = await groups.next();
    if (done === true) return value ?? 0;
    for (const row of value) {
      const full = out.put(writer.row(row));
      if (full) await out.flush();
    }
    await out.flush();
  }
}

async function writeAll(
  rows: Generator<unknown, ExitCode | undefined>,
  writer: RowWriter<unknown>,
  out: Output,
): Promise<ExitCode> {
  for (;;) {
    const { done, value } = rows.next();
    if (done === true) return value ?? 0;
    if (out.put(writer.row(value))) await out.flush();
  }
}

/** Bytes of a character in UTF-8 at most, for each of its 16-bit words. */
const WIDEST = 3;

/** Writes text in batches and each piece of bytes at once. */
class Output {
  /** Text that is not written yet; encoded at once, because a long text of many parts takes long to put together. */
  #batch: Buffer | null = null;
  #used = 0;
  #rest: string | Uint8Array | null = null;

  constructor(readonly streams: Streams) {}

  /** Adds a piece. Returns whether `flush` must be called before the next one. */
  put(piece: string | Uint8Array): boolean {
    if (typeof piece !== 'string' || piece.length * WIDEST > BATCH) this.#rest = piece;
    else {
      this.#batch ??= Buffer.allocUnsafeSlow(2 * BATCH);
      this.#used += this.#batch.write(piece, this.#used);
    }
    return this.#rest !== null || this.#used > BATCH;
  }

  async add(piece: string): Promise<void> {
    if (this.put(piece)) await this.flush();
  }

  async flush(): Promise<void> {
    const [batch, rest] = [this.#batch?.subarray(0, this.#used), this.#rest];
    [this.#batch, this.#used, this.#rest] = [null, 0, null];
    if (batch !== undefined && batch.length > 0) await this.streams.write(batch);
    if (rest !== null && rest.length > 0) await this.streams.write(rest);
  }
}
