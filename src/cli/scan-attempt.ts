// SPDX-License-Identifier: Apache-2.0
// A dump of a scan, and the commands that are run on it.
import { Readable } from 'node:stream';
import { type ExitCode, type HostNeeds, hostNeedsOf, type Request, type Streams } from '../commands/command.js';
import { type DumpFacts, dumpFacts } from '../commands/dump-facts.js';
import { NO_FACTS } from '../commands/dump-rows.js';
import { log } from '../commands/log.js';
import { owner } from '../commands/owner.js';
import { type Given, perform } from '../commands/perform.js';
import { DumpError, UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { OpenOptions } from '../open.js';
import type { Builds } from '../opening/builds.js';
import { text as textType } from '../report/types.js';
import type { Job } from '../scan/protocol.js';
import { questionOf } from './question.js';
import { open } from './run.js';

/** Most problems of a dump that are kept. */
const MOST_PROBLEMS = 100;

/** The message of an error of the dump, or of a question that does not fit it. Throws any other error. */
export function messageOf(error: unknown): string {
  if (error instanceof DumpError || error instanceof UsageError) return error.message;
  throw error;
}

/** Different texts. */
export class Problems {
  readonly #texts = new Set<string>();

  add(text: string): void {
    if (this.#texts.size < MOST_PROBLEMS) this.#texts.add(text);
  }

  get list(): readonly string[] {
    return [...this.#texts];
  }
}

type Opened = Given & { readonly close: () => void };

interface Surroundings {
  readonly builds: Builds;
  readonly problems: Problems;
  readonly log: Log;
  readonly write: (text: string) => void;
}

/** A dump that commands are run on. */
export class Attempt {
  /** Whether all commands had complete answers. */
  isWhole = true;
  facts: DumpFacts = NO_FACTS;
  format: string | null = null;
  readonly #files: Job;
  readonly #learned: NonNullable<OpenOptions['learned']>;
  readonly #problems: Problems;
  readonly #log: Log;
  readonly #write: (text: string) => void;
  readonly #opened = new Map<HostNeeds, Opened>();

  constructor(job: Job, { builds, problems, log: warnings, write }: Surroundings) {
    this.#files = job;
    this.#learned = { builds, dump: job.id };
    this.#problems = problems;
    this.#log = warnings;
    this.#write = write;
  }

  /** Runs a command. `number`: that of the run. Throws `DumpError` if the dump can't be opened at all. */
  async run(request: Request, number: number, input: string): Promise<void> {
    const dump = textType.json(this.#files.files[0] ?? '');
    const { name } = request.command;
    const streams: Streams = {
      log: this.#log,
      write: (piece) => {
        this.#write(tagged(String(piece), name, `"dump":${dump},"run":${number},`));
        return Promise.resolve();
      },
      input: () => Readable.from([input]),
    };
    const opened = await this.#open(request, streams);
    if (opened === null) return;
    const before = this.#problems.list.length;
    try {
      const code = await perform(request, { ...opened, question: '' }, 'json', streams);
      if (code === 0) return;
      this.isWhole = false;
      if (this.#problems.list.length === before)
        this.#problems.add(`${name}: answers are missing or incomplete; its records say why`);
    } catch (error) {
      this.#failed(name, messageOf(error));
    }
  }

  /** Runs a command that writes a file, on a dump that another command has opened. Throws what the command throws. */
  async writeFile(request: Request): Promise<ExitCode> {
    const streams: Streams = { log: this.#log, write: () => Promise.resolve(), input: () => Readable.from([]) };
    const opened = await this.#open(request, streams);
    if (opened === null) return 2;
    const given = { ...opened, inputs: this.#files.files, question: questionOf(request) };
    return perform(request, given, 'json', streams);
  }

  /** Notes what is missing in the results. */
  lacks(problem: string): void {
    this.#problems.add(problem);
    this.isWhole = false;
  }

  close(): void {
    for (const { close } of this.#opened.values()) close();
  }

  /** Opens the dump for a command, unless it has been; null if the host does not have what the command is about. */
  async #open(request: Request, streams: Streams): Promise<Opened | null> {
    const needs = hostNeedsOf(request);
    const known = this.#opened.get(needs);
    if (known !== undefined) return known;
    try {
      const opened = await open(this.#files.files, request, streams, { learned: this.#learned });
      this.#opened.set(needs, opened);
      this.#note(opened);
      return opened;
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      await this.#openWithoutVms(request, error, streams);
      // A host without KVM does not have VMs to list. A VM that was asked for is not there.
      const isList = request.command.needs === 'vms' || request.command.needs === 'vcpus';
      if (error.code !== 'no-kvm' || !isList || request.values.process !== null)
        this.#failed(request.command.name, error.message);
      return null;
    }
  }

  /** Opens a dump of which the VMs can't be read, for what else is known of it. Throws `error` if there is nothing else. */
  async #openWithoutVms(request: Request, error: DumpError, streams: Streams): Promise<void> {
    if (this.#opened.size > 0) return;
    // What these need is less and less.
    for (const command of [owner, log]) {
      const lesser = { ...request, command, values: { ...request.values, process: null } };
      try {
        const opened = await open(this.#files.files, lesser, streams, { learned: this.#learned });
        this.#opened.set(hostNeedsOf(lesser), opened);
        this.#note(opened);
        return;
      } catch (another) {
        if (!(another instanceof DumpError)) throw another;
      }
    }
    throw error;
  }

  #note({ image, host }: Opened): void {
    if (image === undefined || host === undefined || this.facts !== NO_FACTS) return;
    this.format = image.reader.description;
    this.facts = dumpFacts(host, (text) => {
      this.lacks(text);
    });
  }

  #failed(name: string, message: string): void {
    this.lacks(`${name}: ${message}`);
  }
}

/** Lines of JSON with members after the first one, `record`. Those of the main command have none. */
const tagged = (lines: string, name: string, members: string): string =>
  lines.replace(/^\{("record":"[^"]*",)?/gm, (_, record?: string) => `{${record ?? `"record":"${name}",`}${members}`);
