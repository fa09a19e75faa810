// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from 'node:path';
import type { Kept, KeptAnswers } from '../core/kept.js';
import type { Log } from '../core/log.js';
import { keepNewest, ownFolder, readOwn, writeOwn } from '../io/own-files.js';
import { reasonOf } from '../io/system-error.js';
import type { StatedBuild } from '../opening/builds.js';
import { sumOf } from './sum.js';

/** The most bytes of a file; one has about 20,000 after some commands. */
const LARGEST = 0x100000;

/** Files that are kept: one for each dump that was asked last. */
const MOST_FILES = 64;

type Answers = Record<string, Kept>;

/**
 * What the kernel in a dump said of its symbols and types, kept in the user's cache folder. It is used only for the same files, until
 * somebody writes to them, and only by the same build of the program: the dump itself would give the same answers.
 */
export class DumpRecord {
  /** Whether nothing was kept before this run. */
  readonly isEmpty: boolean;
  readonly #head: Buffer;
  readonly #parts: Map<string, Answers>;
  #isChanged = false;
  #isDropped = false;

  private constructor(
    readonly path: string,
    head: string,
  ) {
    this.#head = Buffer.from(`${head}\n`);
    this.#parts = partsIn(readOwn(path, LARGEST), this.#head);
    this.isEmpty = this.#parts.size === 0;
  }

  /**
   * `dump`: what tells its files from all others, and from what they were before they were last written to. `program`: the same for the
   * program. Null if nothing can be kept.
   */
  static of({ release, crash }: StatedBuild, dump: string, program: string): DumpRecord | null {
    const folder = ownFolder('dumps');
    if (folder === null) return null;
    const head = JSON.stringify(['kvm-vtop record of a dump', program, dump, release, crash]);
    return new DumpRecord(join(folder, sumOf(`${program}\n${dump}`)), head);
  }

  get answers(): KeptAnswers {
    return this.#within('');
  }

  #within(part: string): KeptAnswers {
    const answers = this.#parts.get(part) ?? {};
    this.#parts.set(part, answers);
    return {
      // After something has gone wrong, answers are those of a run without a record.
      get: (question) => (!this.#isDropped && Object.hasOwn(answers, question) ? answers[question] : undefined),
      set: (question, answer) => {
        answers[question] = answer;
        this.#isChanged = true;
      },
      within: (inner) => this.#within(`${part}${inner}`),
      drop: () => {
        this.#isDropped = true;
      },
    };
  }

  /** Writes what is new. Failures are only logged: they cost nothing but time in the next run. */
  save(log: Log): void {
    if (!this.#isChanged || this.#isDropped) return;
    this.#isChanged = false;
    const parts = Buffer.from(`${JSON.stringify(Object.fromEntries(this.#parts))}\n`);
    if (this.#head.length + 2 * parts.length > LARGEST) return;
    try {
      writeOwn(this.path, () => [this.#head, parts, parts]);
      keepNewest(dirname(this.path), MOST_FILES);
      log.found(`record of the dump kept in ${this.path}`);
    } catch (error) {
      log.found(`record of the dump not kept: ${reasonOf(error)}`);
    }
  }
}

/** What a file has, which it has twice: nothing if it is of another dump or program, or damaged. */
function partsIn(bytes: Uint8Array | null, head: Buffer): Map<string, Answers> {
  const none = new Map<string, Answers>();
  if (bytes === null) return none;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const copy = (head.length + file.length) / 2;
  const [first, second] = [file.subarray(head.length, copy), file.subarray(copy)];
  if (!file.subarray(0, head.length).equals(head) || !first.equals(second)) return none;
  try {
    const parts = Object.entries(JSON.parse(first.toString()) as Record<string, unknown>);
    return parts.every(isPart) ? new Map(parts) : none;
  } catch {
    return none;
  }
}

const isPart = (part: [string, unknown]): part is [string, Answers] =>
  typeof part[1] === 'object' && part[1] !== null && !Array.isArray(part[1]);
