// SPDX-License-Identifier: Apache-2.0
// What the actions on a queue have in common.
import { resolve } from 'node:path';
import { UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { InputFormat } from '../dump/open.js';
import type { TypesFrom } from '../opening/outside.js';
import type { RedisAddress } from '../queue/address.js';
import { examineServer } from '../queue/connection.js';
import type { Allowed } from '../queue/task.js';
import type { ManyGiven, Request } from './command.js';
import type { OptionSpec, Values } from './options.js';
import type { queueOptions } from './queue-options.js';
import type { Asked } from './scan-run.js';

/** The options of scan that actions read. */
type QueueValues = Values<typeof queueOptions> & {
  readonly addresses: string | null;
  readonly jobs: number | null;
  readonly timeout: number | null;
  readonly maxMemory: number | null;
  readonly output: string | null;
  readonly force: boolean;
  readonly summary: boolean;
  readonly html: string | null;
};

export interface QueueContext extends ManyGiven {
  readonly options: QueueValues;
  readonly words: readonly string[];
  readonly log: Log;
}

/** How scan reads its questions; they are the same for a queue. */
export interface Questioning {
  /** What is asked of which dumps. */
  readonly asked: (words: readonly string[]) => Promise<Asked>;
  /** Throws `UsageError` for a command that can't be run on many dumps. */
  readonly checkRun: (request: Request) => void;
  readonly tables: (requests: readonly Request[]) => Asked['tables'];
  readonly specs: Readonly<Record<string, OptionSpec<unknown>>>;
}

/** What an action is asked. */
export interface QueueAsked {
  readonly context: QueueContext;
  readonly questioning: Questioning;
  readonly address: RedisAddress;
  /** The words after the action. */
  readonly words: readonly string[];
}

const FORMATS: readonly InputFormat[] = ['auto', 'raw', 'lime'];
const FROM: readonly TypesFrom[] = ['auto', 'btf', 'dwarf', 'layout'];

/** Options of a dump in a job. */
export const OF_DUMP: Allowed = {
  '--vmlinux': 'path',
  '--kvm-module': 'path',
  '--kvm-amd-module': 'path',
  '--system-map': 'path',
  '--layout': 'path',
  '--vmcoreinfo': 'path',
  '--input-format': FORMATS,
};

/** Options of all dumps of a job. */
export const OF_OPENING: Allowed = {
  '--input-format': FORMATS,
  '--debug-dir': 'path',
  '--debuginfod': 'none',
  '--types': FROM,
};

/** Options as words, with whole paths. */
export function wholePaths(words: readonly string[], allowed: Allowed): string[] {
  const made: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const name = words[i] as string;
    made.push(name);
    const values = allowed[name];
    if (values === 'none') continue;
    const value = words[++i];
    if (value !== undefined) made.push(values === 'path' ? resolve(value) : value);
  }
  return made;
}

/** Options of commands that read files, though they are not options of their own. */
const FILES = ['kvmAmdModule'];

/** Throws `UsageError` for a command line that workers may not run: one that names files, besides those of any scan. */
export function checkQueueRun(
  words: readonly string[],
  { parse }: Pick<ManyGiven, 'parse'>,
  { checkRun }: Pick<Questioning, 'checkRun'>,
): void {
  const request = parse(words);
  checkRun(request);
  const { command, values } = request;
  const own = Object.entries(command.options).filter(([, { completes }]) => completes !== undefined);
  const wrong = [...own.map(([name]) => name), ...FILES].find((name) => values[name] != null);
  if (wrong !== undefined)
    throw new UsageError(`--run '${command.name}': with --queue, a command can't name files (${wrong})`);
}

/** Finds out what the server is like; warns if it can lose jobs. Throws `UsageError` if it removes them. */
export async function checkServer(address: RedisAddress, log: Log): Promise<void> {
  const { eviction, isDurable } = await examineServer(address);
  if (eviction !== 'noeviction') throw new UsageError(`${address.shown}: ${evicts(eviction)}`);
  if (!isDurable) log.warn(`${address.shown}: ${VOLATILE}`);
}

/** What is wrong with a server that removes jobs. */
export const evicts = (policy: string): string =>
  `its maxmemory-policy is ${policy}, so that it can remove jobs; it must be noeviction`;
/** What is wrong with a server without an append-only file. */
export const VOLATILE = 'it keeps no append-only file (appendonly no): if it ends, jobs are lost';
