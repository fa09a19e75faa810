// SPDX-License-Identifier: Apache-2.0
// What was submitted, in the folder with the results: a file for each submission. The server can lose jobs; the folder says which
// dumps there must be results of.
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { linesOf, piecesOfFile } from '../scan/lines.js';
import type { Job } from '../scan/protocol.js';
import { appendAll } from '../write/out-file.js';

/** What is asked of the dumps of a submission. */
export interface Questions {
  /** Version of the program. */
  readonly version: string;
  /** Equal for equal questions. */
  readonly analysis: string;
  readonly runs: readonly (readonly string[])[];
  readonly opening: readonly string[];
}

interface Head extends Questions {
  /** Milliseconds since 1970. */
  readonly time: number;
}

export interface Submitted {
  /** Null if nothing was submitted. */
  readonly questions: Questions | null;
  /** Each dump once; one that was submitted again after a change is as it was then. */
  readonly jobs: readonly Job[];
}

const NAME = /^submission-[0-9a-f]{20}\.jsonl$/;

/** Records a submission. */
export function recordSubmission(folder: string, questions: Questions, jobs: readonly Job[], time: number): void {
  const lines = jobs.map(({ id, files, options, size, mtime }) => JSON.stringify({ id, files, options, size, mtime }));
  const digest = createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 20);
  const head: Head = { time, ...questions };
  const path = join(folder, `submission-${digest}.jsonl`);
  const draft = `${path}.${randomUUID()}`;
  const descriptor = openSync(draft, 'w', 0o600);
  try {
    appendAll(descriptor, Buffer.from(`${[JSON.stringify(head), ...lines].join('\n')}\n`));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, path);
}

/** What was submitted with results in a folder. */
export function submittedIn(folder: string): Submitted {
  const all = namesIn(folder)
    .filter((name) => NAME.test(name))
    .map((name) => {
      const [head = '', ...jobs] = linesOf(piecesOfFile(join(folder, name)));
      return { head: JSON.parse(head) as Head, jobs: jobs.map((line) => JSON.parse(line) as Job) };
    })
    .sort((a, b) => a.head.time - b.head.time);
  const jobs = new Map<string, Job>();
  for (const submission of all)
    for (const job of submission.jobs) jobs.set(JSON.stringify([job.files, job.options]), job);
  return { questions: all.at(-1)?.head ?? null, jobs: [...jobs.values()] };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
