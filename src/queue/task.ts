// SPDX-License-Identifier: Apache-2.0
// What a job of the queue says. Whoever can write to the server can make jobs, so that a worker takes nothing on trust: a job has
// exactly these members, its paths are inside folders that the worker was given, and its id is that of what it asks.
import { resolve } from 'node:path';
import { UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';

/** A dump to be analysed, and what is asked of it. All paths are absolute. */
export interface Task {
  /** Version of the program that made the job. */
  readonly version: string;
  /** The folder for the results. */
  readonly results: string;
  readonly files: readonly string[];
  /** Options for this dump, as words. */
  readonly options: readonly string[];
  /** Command lines, without the options that choose the dump. */
  readonly runs: readonly (readonly string[])[];
  /** Options for opening each dump, as words. */
  readonly opening: readonly string[];
  /** The file that commands read as standard input. */
  readonly addresses: string | null;
}

/** The values that an option takes: a path, none, or one of some words. */
type Values = 'path' | 'none' | readonly string[];
/** Options by name, with their hyphens. */
export type Allowed = Readonly<Record<string, Values>>;

/** What a worker accepts. */
export interface Rules {
  readonly version: string;
  readonly results: string;
  /** The options of a dump, and those of all dumps. */
  readonly options: Allowed;
  readonly opening: Allowed;
  /** Throws `UsageError` for a command line that may not be run. */
  readonly checkRun: (words: readonly string[]) => void;
}

/** Why a job is not done. `isFinal`: no other worker may do it either. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly isFinal: boolean,
  ) {
    super(message);
  }
}

const refusal = (message: string): Refusal => new Refusal(`refused: ${message}`, true);

const MEMBERS = ['version', 'results', 'files', 'options', 'runs', 'opening', 'addresses'] as const;
/** Most characters of a text, and most texts in a list. */
const MOST = { text: 4096, texts: 1024, runs: 256 };

/** Names a job by what it analyses. The prefix makes it no number, which BullMQ refuses. */
export const jobName = (id: string): string => `dump-${id}`;
/** The id of what a job analyses; null for a name that has none. */
export const idOf = (name: unknown): string | null =>
  typeof name === 'string' ? (/^dump-([0-9a-f]{40})$/.exec(name)?.[1] ?? null) : null;

/** The task of a job; whether its paths and its id are right is not checked here. Throws `Refusal`. */
export function taskOf(data: unknown, rules: Rules): Task {
  const task = shapeOf(data);
  if (task.version !== rules.version)
    throw new Refusal(
      `submitted by version ${printable(task.version)} of kvm-vtop; the worker's is ${rules.version}`,
      false,
    );
  if (task.results !== rules.results)
    throw new Refusal(
      `its results belong in ${printable(task.results, 400)}; the worker writes to ${rules.results}`,
      false,
    );
  for (const path of pathsOf(task, rules))
    if (!path.startsWith('/') || resolve(path) !== path) throw refusal(`not a whole path: ${printable(path, 400)}`);
  for (const words of task.runs) {
    try {
      rules.checkRun(words);
    } catch (error) {
      // The parser throws other errors for --help and --version.
      throw refusal(error instanceof UsageError ? error.message : 'not a command for dumps');
    }
  }
  return task;
}

/** All paths that a task reads. Throws `Refusal` for an option that is not allowed. */
export const pathsOf = (
  { files, options, opening, addresses }: Task,
  { options: ofDump, opening: ofAll }: Pick<Rules, 'options' | 'opening'>,
): string[] => [
  ...files,
  ...pathsAmong(options, ofDump),
  ...pathsAmong(opening, ofAll),
  ...(addresses === null ? [] : [addresses]),
];

function pathsAmong(words: readonly string[], allowed: Allowed): string[] {
  const paths: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const name = words[i] as string;
    const values = Object.hasOwn(allowed, name) ? allowed[name] : undefined;
    if (values === undefined) throw refusal(`'${printable(name)}' is not an option for opening a dump`);
    if (values === 'none') continue;
    const value = words[++i];
    if (value === undefined || (values !== 'path' && !values.includes(value)))
      throw refusal(`not a value of ${name}: '${printable(value ?? '')}'`);
    if (values === 'path') paths.push(value);
  }
  return paths;
}

function shapeOf(data: unknown): Task {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw refusal('its data is not an object');
  const found = Object.keys(data);
  const odd = found.find((name) => !(MEMBERS as readonly string[]).includes(name));
  if (odd !== undefined) throw refusal(`a member that jobs do not have: ${printable(odd)}`);
  const { version, results, files, options, runs, opening, addresses } = data as Readonly<Record<string, unknown>>;
  if (!isText(version)) throw refusal('version is not a text');
  if (!isText(results)) throw refusal('results is not a path');
  if (!isTexts(files) || files.length === 0) throw refusal('files is not a list of paths');
  if (!isTexts(options)) throw refusal('options is not a list of words');
  if (!isTexts(opening)) throw refusal('opening is not a list of words');
  if (!Array.isArray(runs) || runs.length === 0 || runs.length > MOST.runs || !runs.every(isTexts))
    throw refusal('runs is not a list of command lines');
  if (addresses !== null && !isText(addresses)) throw refusal('addresses is not a path');
  return { version, results, files, options, runs, opening, addresses };
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MOST.text && !value.includes('\0');

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= MOST.texts && value.every(isText);
