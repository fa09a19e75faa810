// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import { printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import type { PhysicalMemory } from '../dump/physical.js';
import type { Host } from '../kernel/host.js';
import type { Process } from '../kernel/process.js';
import type { Selected } from '../kvm/select.js';
import type { RecordKind, RowWriter } from '../report/records.js';
import type { DescribedKernel } from '../types/profile.js';
import type { Options, Values } from './options.js';

/** The standard streams. Commands use no others. */
export interface Streams {
  /** Writes text or bytes to standard output. Rejects if that fails. */
  write(piece: string | Uint8Array): Promise<void>;
  /** The pieces of standard input, as they arrive. */
  input(): AsyncIterable<string>;
  readonly log: Log;
}

/** 0: every question has an answer; 1: some have none; 2: nothing could be answered. */
export type ExitCode = 0 | 1 | 2;

/** Input of a command that needs only the physical memory of a dump. */
export interface ImageGiven {
  readonly image: DumpImage;
  readonly memory: PhysicalMemory;
}
export interface HostGiven {
  readonly image: DumpImage;
  readonly host: Host;
}
export interface ProcessGiven extends HostGiven {
  /** The process that -g names. */
  readonly process: Process;
}
export interface VmGiven extends HostGiven {
  /** The VM that -g and --vm name. */
  readonly selected: Selected;
  /** With --guest: the VMs whose memory takes the place of the machine's, each in that of the one before. */
  readonly guests: readonly Selected[];
  /** All files that are read; they must not be overwritten. */
  readonly inputs: readonly string[];
  /** The command line of the main command for this VM, to which an address is added. */
  readonly question: string;
}
export interface VmsGiven extends HostGiven {
  /** The value of -g; null selects all VMs of the host. A number is a pid. */
  readonly process: string | number | null;
  /** The value of --vm; null selects all VMs of the process. */
  readonly vm: string | null;
}

/** Input of a command that describes the program itself. */
export interface ProgramGiven {
  readonly program: {
    /** The help of a command; for null, of the program. Throws `UsageError` for a word that is not a command. */
    help(command: string | null): string;
    /** A script that completes command lines in a shell. */
    completion(shell: Shell): string;
  };
}
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Input of a command that opens files itself. */
export interface FilesGiven {
  readonly files: Files;
  readonly request: Request;
  readonly streams: Streams;
}

/** Input of a command that has many dumps analysed. */
export interface ManyGiven {
  /** Parses the command line of a command, without a dump. Throws `UsageError`. */
  readonly parse: (words: readonly string[]) => Request;
  /** The options for opening dumps that were given, as words of a command line. */
  readonly files: readonly string[];
  /** Starts a process that analyses dumps. */
  readonly startWorker: () => ChildProcess;
  /** The version of the program. */
  readonly version: string;
  readonly streams: Streams;
}

/** The files that the command line names, and functions that open them. */
export interface Files {
  /** The files of the dump. Throws `UsageError` if the command line has none. */
  core(): readonly string[];
  /** All files that are read; they must not be overwritten. */
  readonly inputs: readonly string[];
  /** Opens the dump of a host. */
  readonly open: Opener;
  /** Reads the types of a kernel, from a dump or from files with debug information. */
  describe(): Promise<DescribedKernel>;
}

/**
 * What a host is opened for: processes and their memory; VMs too, if it has KVM (`owners`), or at any rate; the state of their
 * vCPUs too; or only the kernel's log.
 */
export type HostNeeds = 'host' | 'owners' | 'kvm' | 'vcpus' | 'log';

export type Opener = (paths: readonly string[], options: OpenWith) => Promise<Opened>;

export interface OpenWith {
  readonly log: Log;
  /** Returns the source from which the host's frames are read, for example one that records them. */
  readonly watch?: (image: DumpImage) => FrameSource;
  /** What the host is opened for; default: 'kvm'. */
  readonly needs?: HostNeeds;
}

export interface Opened extends HostGiven {
  readonly close: () => void;
}

/** For each need, the input that is opened before the command runs. */
export interface Needs {
  nothing: ProgramGiven;
  files: FilesGiven;
  many: ManyGiven;
  image: ImageGiven;
  host: HostGiven;
  log: HostGiven;
  owners: HostGiven;
  process: ProcessGiven;
  vm: VmGiven;
  vms: VmsGiven;
  vcpus: VmsGiven;
}
export type Need = keyof Needs;

/** Whether the answers of a command depend only on a dump that is opened for it, so that an excerpt can give them. */
export const answersFromDump = ({ needs }: { readonly needs: Need }): boolean =>
  needs !== 'nothing' && needs !== 'files' && needs !== 'many';

/** The value of `OpenOptions.needs` for a request. */
export function hostNeedsOf({ command: { needs }, values }: Request): HostNeeds {
  // The log of a guest is reached through its VM.
  if (needs === 'log') return values.process == null ? 'log' : 'kvm';
  if (needs === 'vcpus' || needs === 'owners') return needs;
  return needs === 'vm' || needs === 'vms' ? 'kvm' : 'host';
}

/** A line of standard input that the command can't take. */
export class BadLine {
  constructor(
    readonly text: string,
    /** Line number; the first line is 1. */
    readonly line: number,
  ) {}

  /** Names the line in a message. */
  get name(): string {
    return `line ${this.line} of standard input`;
  }

  /** What is wrong, with the name of the line. */
  problem({ invalid }: Args<unknown>): string {
    return `${this.name}: ${invalid(printable(this.text))}`;
  }
}

/** The words (positional arguments) that a command takes. */
export interface Args<out T> {
  readonly name: string;
  readonly summary: string;
  /** How many: exactly one, at most one, at least one, or any number. */
  readonly number: 'one' | 'optional' | 'some' | 'any';
  /** An option that also takes these words. */
  readonly option?: { readonly name: string; readonly short: string; readonly summary: string };
  /** What is missing if there are no words; part of the error message. */
  readonly missing: string;
  /** Whether the word `-` is replaced by the lines of standard input. */
  readonly stdin: boolean;
  readonly choices?: readonly string[];
  /** The value of a word; null if the word is not valid. */
  readonly parse: (word: string) => T | null;
  /** The error message for a word that is not valid. The word has been made printable. */
  readonly invalid: (word: string) => string;
}

/** Input of every command. */
export interface Context<O extends Options, T> {
  readonly options: Values<O>;
  /** The words of the command line. */
  readonly words: readonly T[];
  /**
   * The words, with `-` replaced by the lines of standard input, in groups as they arrive. No group: there are no words. Only
   * empty groups: standard input is empty.
   */
  readonly asked: AsyncIterable<readonly (T | BadLine)[]>;
  readonly log: Log;
  /** How the rows are written; commands only choose the order of rows by it. */
  readonly form: Form;
}

/** Format of the output. */
export type Form = 'text' | 'json' | 'csv';

/** Yields rows and returns the exit status. An asynchronous command yields groups of rows: awaiting each row is too slow. */
export type Rows<Row> = Generator<Row, ExitCode | undefined> | AsyncGenerator<Iterable<Row>, ExitCode | undefined>;

export interface Example {
  readonly line: string;
  readonly note?: string;
}

/** The documentation of a command. */
export interface About {
  readonly name: string;
  /** A phrase for the list of commands. */
  readonly summary: string;
  /** One or more sentences, without line breaks. */
  readonly description: string;
  /** Paragraphs that follow the options. */
  readonly notes: readonly string[];
  readonly examples: readonly Example[];
  /** Meanings of the exit statuses; 1 is left out if the command does not use it. */
  readonly exit: { readonly 0: string; readonly 1?: string; readonly 2: string };
}

/** The definition of a command. See commands/index.ts for how to add one. */
export interface CommandSpec<N extends Need, O extends Options, T, Row> extends About {
  readonly needs: N;
  readonly args: Args<T> | null;
  readonly options: O;
  /** The kinds of its rows; empty if its output is only text or bytes. */
  readonly records: readonly RecordKind<Row>[];
  /** Whether the rows of the first kind can be written as CSV. */
  readonly csv: boolean;
  /**
   * The text of a row of another kind, which goes to standard error where the rows of the first kind are CSV; without its
   * `problems`, which are logged as warnings.
   */
  readonly aside?: (row: Row) => string;
  /** Whether other commands can follow, each after a `--`. */
  readonly takesCommand?: boolean;
  readonly run: (context: Context<O, T> & Needs[N]) => Rows<Row>;
  readonly text: (context: Context<O, T> & Needs[N]) => RowWriter<Row>;
}

/** Any command. `command()` has checked that its parts fit together. */
export type Command = CommandSpec<Need, Options, unknown, unknown>;

/** A command with its options and words. */
export interface Request {
  readonly command: Command;
  readonly values: Readonly<Record<string, unknown>>;
  readonly words: readonly string[];
  /** The commands after `--`. */
  readonly inner: readonly Request[];
}

/** Makes a command. The compiler checks its parts against each other here; the result has the type common to all commands. */
export function command<N extends Need, O extends Options, T, Row>(spec: CommandSpec<N, O, T, Row>): Command {
  return spec as unknown as Command;
}
