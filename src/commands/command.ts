// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import type { DumpImage } from '../dump/image.js';
import type { PhysicalMemory } from '../dump/physical.js';
import type { Host } from '../kernel/host.js';
import type { Selected } from '../kvm/select.js';
import type { RecordKind, RowWriter } from '../report/records.js';
import type { DescribedKernel } from '../types/profile.js';
import type { Options, Values } from './options.js';

/** What a command has of the outside: the only way to standard input and output. */
export interface Streams {
  /** Text or bytes to standard output. Rejects when that can't be written to. */
  write(piece: string | Uint8Array): Promise<void>;
  /** Standard input in pieces, as they come. */
  input(): AsyncIterable<string>;
  readonly log: Log;
}

/** 0: everything asked has an answer; 1: some of it has none; 2: nothing could be answered. */
export type ExitCode = 0 | 1 | 2;

/** An opened dump, as far as a command needs it. */
export interface ImageGiven {
  readonly image: DumpImage;
  readonly memory: PhysicalMemory;
}
export interface HostGiven {
  readonly image: DumpImage;
  readonly host: Host;
}
export interface VmGiven extends HostGiven {
  /** The VM that -g and --vm name. */
  readonly selected: Selected;
}
export interface VmsGiven extends HostGiven {
  /** Which VMs are meant: those of a process, one of them, or all. */
  readonly process: string | null;
  readonly vm: string | null;
}

/** What the program says of itself. */
export interface ProgramGiven {
  readonly program: {
    /** Help of a command; of the whole program for null. Throws `UsageError` for a word that is not a command. */
    help(command: string | null): string;
    /** A script that completes command lines in a shell. */
    completion(shell: Shell): string;
  };
}
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** For commands that open files themselves. */
export interface FilesGiven {
  readonly files: Files;
  readonly request: Request;
  readonly streams: Streams;
}

/** The files of the command line, and how they are opened. */
export interface Files {
  /** The dump's. Throws `UsageError` where none is named. */
  core(): readonly string[];
  /** All that are read: never overwritten. */
  readonly inputs: readonly string[];
  /** Opens a host; `watch` may look on while its frames are read. */
  readonly open: Opener;
  /** The types of the kernel of a dump, or of files with debug information. */
  describe(): Promise<DescribedKernel>;
}

export type Opener = (paths: readonly string[], options: OpenWith) => Promise<Opened>;

export interface OpenWith {
  readonly log: Log;
  readonly watch?: (image: DumpImage) => FrameSource;
  /** What is to be asked of the host; VMs where it is not said. */
  readonly needs?: 'host' | 'kvm';
}

export interface Opened extends HostGiven {
  readonly close: () => void;
}

/** What a command needs to be open before it runs. */
export interface Needs {
  nothing: ProgramGiven;
  files: FilesGiven;
  image: ImageGiven;
  host: HostGiven;
  vm: VmGiven;
  vms: VmsGiven;
}
export type Need = keyof Needs;

/** For what a host is opened (`OpenOptions.needs`) that a command of this need is run on. */
export const hostNeedsOf = (need: Need): 'host' | 'kvm' => (need === 'vm' || need === 'vms' ? 'kvm' : 'host');

/** A word that is not what the command asks for; it came from standard input. */
export class BadLine {
  constructor(
    readonly text: string,
    /** Its number, from 1 on. */
    readonly line: number,
  ) {}
}

/** The words that a command takes. */
export interface Args<out T> {
  readonly name: string;
  readonly summary: string;
  /** How many: exactly one, one at the most, at least one, or any number. */
  readonly number: 'one' | 'optional' | 'some' | 'any';
  /** An option that takes them too, with what is said where none is given. */
  readonly option?: { readonly name: string; readonly short: string; readonly summary: string };
  /** What is missing where there is none. */
  readonly missing: string;
  /** `-` stands for the lines of standard input. */
  readonly stdin: boolean;
  readonly choices?: readonly string[];
  /** Null for a word that it can't be. */
  readonly parse: (word: string) => T | null;
  /** What is wrong with such a word, which is printable. */
  readonly invalid: (word: string) => string;
}

/** What every command has. */
export interface Context<O extends Options, T> {
  readonly options: Values<O>;
  /** The words of the command line. */
  readonly words: readonly T[];
  /** The same with the lines of standard input in their place, in groups as they come. */
  readonly asked: AsyncIterable<readonly (T | BadLine)[]>;
  readonly log: Log;
}

/** Rows, and at the end the exit status. An asynchronous command gives them in groups: a row costs less than a turn. */
export type Rows<Row> = Generator<Row, ExitCode | undefined> | AsyncGenerator<Iterable<Row>, ExitCode | undefined>;

export interface Example {
  readonly line: string;
  readonly note?: string;
}

/** What a command is to those who read about it. */
export interface About {
  readonly name: string;
  /** A few words for the list of commands. */
  readonly summary: string;
  /** One sentence or more, in lines of any length. */
  readonly description: string;
  /** Paragraphs that follow the options. */
  readonly notes: readonly string[];
  readonly examples: readonly Example[];
  /** What the statuses mean; 1 is left out where there is none. */
  readonly exit: { readonly 0: string; readonly 1?: string; readonly 2: string };
}

/** A command: all that is known of it. See commands/index.ts for how to add one. */
export interface CommandSpec<N extends Need, O extends Options, T, Row> extends About {
  readonly needs: N;
  readonly args: Args<T> | null;
  readonly options: O;
  /** The kinds of its rows; none: its output is text or bytes alone. */
  readonly records: readonly RecordKind<Row>[];
  /** Whether the rows of the first kind can be written as CSV. */
  readonly csv: boolean;
  /** After `--` it takes the words of another command, and after the next one those of one more. */
  readonly takesCommand?: boolean;
  readonly run: (context: Context<O, T> & Needs[N]) => Rows<Row>;
  readonly text: (context: Context<O, T> & Needs[N]) => RowWriter<Row>;
}

/** Any command. What is inside of one fits together: `command()` has seen to it. */
export type Command = CommandSpec<Need, Options, unknown, unknown>;

/** A command and what it was asked. */
export interface Request {
  readonly command: Command;
  readonly values: Readonly<Record<string, unknown>>;
  readonly words: readonly string[];
  /** The commands after `--`. */
  readonly inner: readonly Request[];
}

/** Makes a command: its parts are checked against each other here, and then only their common shape is known. */
export function command<N extends Need, O extends Options, T, Row>(spec: CommandSpec<N, O, T, Row>): Command {
  return spec as unknown as Command;
}
