// SPDX-License-Identifier: Apache-2.0
// A file of the program as V8 has compiled it, kept for later runs. Compiling takes longer than reading what was compiled.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { fileState } from '../io/file-state.js';
import { keepNewest, readOwn, writeOwn } from '../io/own-files.js';
import { reasonOf } from '../io/system-error.js';

/** Must be increased when the format of the file changes. */
const FORMAT = 1;

/** Files that are kept: up to 20 for each version of the program and of Node.js that is in use, most of them small. */
const MOST_FILES = 80;

/** V8 reads compiled code in place if it begins at such an offset. */
const ALIGN = 64;

/**
 * Processor time in µs after which a run does not keep what it has compiled: V8 has dropped functions that ran only at the start, and
 * a run that long would not gain from them.
 */
const LONGEST = 10_000_000;

/** What runs a file, which is a CommonJS module. */
type Run = (exports: unknown, require: Require, module: Module, file: string, folder: string) => void;
/** Loads what a module requires. */
export type Require = (specifier: string) => unknown;
interface Module {
  readonly exports: unknown;
}

/** Code that V8 has compiled, in the user's cache folder. */
export class CodeCache {
  /** Words for --verbose. */
  text: string;
  /** Whether what was in the cache is used. */
  readonly #isUsed: boolean;
  readonly #script: Script;

  private constructor(
    readonly path: string,
    readonly key: string,
    file: string,
  ) {
    const kept = dataOf(readOwn(path), key);
    const text = readFileSync(file, 'latin1');
    this.#script = new Script(`(function (exports, require, module, __filename, __dirname) {${text}\n})`, {
      filename: file,
      ...(kept !== null && { cachedData: kept }),
    });
    this.#isUsed = kept !== null && this.#script.cachedDataRejected === false;
    this.text = this.#isUsed ? `compiled code: ${path}` : `compiled code: none that is usable in ${path}`;
  }

  /**
   * The code of a file of the program, which must be ASCII. `folder`: where compiled code is kept. `digest`: that of the file.
   */
  static of(folder: string, file: string, digest: string): CodeCache {
    const key = keyOf(file, digest);
    return new CodeCache(join(folder, `${digest.slice(0, 16)}-${hashOf(key)}`), key, file);
  }

  /** Runs the file. */
  run(module: Module, require: Require, file: string): void {
    (this.#script.runInThisContext() as Run)(module.exports, require, module, file, dirname(file));
  }

  /**
   * Keeps what was compiled, with the functions that have run, for later runs, unless it was there. Failures cost nothing but time in
   * the next run, and are reported in `text`.
   */
  save(): void {
    if (this.#isUsed || process.cpuUsage().user > LONGEST) return;
    try {
      writeOwn(this.path, () => fileOf(this.#script.createCachedData(), this.key));
      keepNewest(dirname(this.path), MOST_FILES);
      this.text = `compiled code kept in ${this.path}`;
    } catch (error) {
      this.text = `compiled code not kept: ${reasonOf(error)}`;
    }
  }
}

/**
 * What must be the same for compiled code to be used. V8 itself compares only its version and flags, and the length of a file: the
 * digest is that of the build, and the rest shows that the file has not been changed or replaced since the code was compiled. Runs with
 * other options have files of their own, so that they don't replace each other's.
 */
const keyOf = (file: string, digest: string): string =>
  `${digest} ${fileState(file)} ${process.version} ${process.platform} ${process.arch} ${hashOf(options())}`;

/** The options of Node.js, including flags of V8. */
const options = (): string => [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join('\n');

/** A short hash of a text (FNV-1a), for the name of a file. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

const headOf = (key: string, length: number): Buffer => {
  const text = `kvm-vtop compiled code ${FORMAT} ${length} ${key}\n`;
  return Buffer.from(text.padEnd(aligned(text.length)), 'latin1');
};

const aligned = (length: number): number => Math.ceil(length / ALIGN) * ALIGN;

/**
 * The pieces of a file: a header, and the data twice. V8 in Node.js 20 runs data in which a bit was flipped: it crashes, or never ends.
 * To compare two copies takes a fifth of a millisecond; to load and compute a digest took ten and more.
 */
function fileOf(data: Uint8Array, key: string): Uint8Array[] {
  const room = new Uint8Array(aligned(data.length) - data.length);
  return [headOf(key, data.length), data, room, data, room];
}

/** The data in a file; null if it is not such a file, of another key, or damaged. */
function dataOf(bytes: Uint8Array | null, key: string): Buffer | null {
  if (bytes === null) return null;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = Number(/^kvm-vtop compiled code \d+ (\d{1,9}) /.exec(file.toString('latin1', 0, ALIGN))?.[1]);
  const head = headOf(key, length);
  const copy = head.length + aligned(length);
  if (file.length !== copy + aligned(length) || !file.subarray(0, head.length).equals(head)) return null;
  const data = file.subarray(head.length, head.length + length);
  return data.equals(file.subarray(copy, copy + length)) ? data : null;
}
