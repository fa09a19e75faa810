// SPDX-License-Identifier: Apache-2.0
// Results on disk: two files for each dump, its record and the rows of the commands. A dump is done once its record has its
// name, so that a run that was killed at any moment can be continued.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../core/errors.js';
import { appendAll } from '../write/out-file.js';
import { piecesOfFile } from './lines.js';

/** The name of the lock, which has the pid of the process that works in the folder, and its machine. */
const LOCK = 'lock';
/** The name of the folder for drafts. */
const DRAFTS = 'drafts';

export class Store {
  readonly isLasting: boolean;
  readonly owner: string;

  /**
   * `isLasting`: what is done must survive a crash of the machine; not so results that are removed at the end of the run. `owner`: a
   * part of the names of drafts, for a folder in which several machines work: their pids can be equal.
   */
  constructor(
    readonly folder: string,
    { isLasting = true, owner = '' }: { readonly isLasting?: boolean; readonly owner?: string } = {},
  ) {
    this.isLasting = isLasting;
    this.owner = owner;
  }

  /** Makes the folder, if there is none. Throws `UsageError` if another process works in it, and what the system refuses. */
  open(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    for (;;) {
      try {
        writeFileSync(join(this.folder, LOCK), `${process.pid} ${hostname()}\n`, { flag: 'wx', mode: 0o600 });
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        this.#checkHolder();
        rmSync(join(this.folder, LOCK), { force: true });
      }
    }
  }

  /** An empty folder for drafts, on the same file system as the results. */
  scratch(): string {
    const path = join(this.folder, DRAFTS);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  /** Gives up the lock. */
  close(): void {
    rmSync(join(this.folder, LOCK), { force: true });
  }

  /** Removes drafts, and the folder if it has nothing else, and gives up the lock. */
  abandon(): void {
    rmSync(join(this.folder, DRAFTS), { recursive: true, force: true });
    this.close();
    if (readdirSync(this.folder).length === 0) this.remove();
  }

  /** Forgets which dumps are done. */
  forget(): void {
    for (const name of readdirSync(this.folder))
      if (name.endsWith('.dump')) rmSync(join(this.folder, name), { force: true });
  }

  /** Removes all results. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  has(id: string): boolean {
    return existsSync(this.#record(id));
  }

  /** The line with the record of a dump that is done. */
  record(id: string): string {
    return readFileSync(this.#record(id), 'utf8');
  }

  /** The same, while the event loop goes on; null if the dump is not done. */
  async recordIfDone(id: string): Promise<string | null> {
    try {
      return await readFile(this.#record(id), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** The rows of a dump that is done, in pieces. */
  *rows(id: string): Generator<Uint8Array> {
    const path = this.#rows(id);
    if (!existsSync(path)) return;
    yield* piecesOfFile(path);
  }

  /** Begins to write the rows of a dump. */
  begin(id: string): RowsFile {
    const path = this.#rows(id);
    return new RowsFile({ path, draft: this.#draft(path, process.pid), isLasting: this.isLasting });
  }

  /** Records that a dump is done. `line`: its record. `hasRows`: whether rows were written; those of an earlier attempt are removed. */
  finish(id: string, line: string, hasRows: boolean): void {
    if (!hasRows) rmSync(this.#rows(id), { force: true });
    const draft = this.#draft(this.#record(id), process.pid);
    const descriptor = openSync(draft, 'w', 0o600);
    try {
      appendAll(descriptor, Buffer.from(line));
      if (this.isLasting) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, this.#record(id));
  }

  /** Removes what an attempt that was killed has left. */
  drop(id: string, pid: number): void {
    for (const path of [this.#rows(id), this.#record(id)]) rmSync(this.#draft(path, pid), { force: true });
  }

  #draft(path: string, pid: number): string {
    return `${path}.${this.owner}${pid}`;
  }

  #record(id: string): string {
    return join(this.folder, `${id}.dump`);
  }

  #rows(id: string): string {
    return join(this.folder, `${id}.rows`);
  }

  /** Throws `UsageError` if the process that has the lock may still be running. */
  #checkHolder(): void {
    const lock = join(this.folder, LOCK);
    const [, pid, machine] = /^([0-9]{1,9}) (.*)$/.exec(textOf(lock).trim()) ?? [];
    if (pid === undefined) return;
    if (machine !== hostname())
      throw new UsageError(
        `${this.folder}: process ${pid} of ${machine} works there; if it has ended, remove the file ${lock}`,
      );
    if (isRunning(Number(pid)))
      throw new UsageError(`${this.folder}: process ${pid} works there; wait for it, or write to another file`);
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The rows of a dump, which get their name when they are complete. A dump without rows has no file. */
export class RowsFile {
  readonly #path: string;
  readonly #draft: string;
  readonly #isLasting: boolean;
  #descriptor: number | null = null;

  constructor({ path, draft, isLasting }: { path: string; draft: string; isLasting: boolean }) {
    this.#isLasting = isLasting;
    this.#path = path;
    this.#draft = draft;
  }

  add(text: string): void {
    this.#descriptor ??= openSync(this.#draft, 'w', 0o600);
    appendAll(this.#descriptor, Buffer.from(text));
  }

  /** Gives the file its name; returns whether there is one. */
  finish(): boolean {
    if (this.#descriptor === null) return false;
    if (this.#isLasting) fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
    renameSync(this.#draft, this.#path);
    return true;
  }
}

/** Writes pieces as a file in a folder; returns its path. */
export function writeLines(folder: string, pieces: Iterable<string | Uint8Array>): string {
  const path = join(folder, 'lines.jsonl');
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    for (const piece of pieces) appendAll(descriptor, Buffer.from(piece as string));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return path;
}

/** Signals that end the process, and would leave its files on disk. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A folder that is removed at the end, or if a signal ends the process. */
export class TemporaryFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'kvm-vtop-scan-'));
  readonly #end = (signal: NodeJS.Signals): void => {
    this.remove();
    process.kill(process.pid, signal);
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#end);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    for (const signal of SIGNALS) process.removeListener(signal, this.#end);
  }
}
