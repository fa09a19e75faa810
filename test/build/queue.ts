// SPDX-License-Identifier: Apache-2.0
// Scans with a queue, for tests.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, type Run } from '../run.js';

const CLI = join(ROOT, 'dist', 'cli.js');

/** A run of the program that goes on while the test does something else. */
export interface Running {
  readonly child: ChildProcess;
  /** What it has written to standard error. */
  readonly said: () => string;
  readonly end: Promise<Run>;
}

export function started(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [CLI, 'scan', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  const end = new Promise<Run>((resolve) =>
    child.once('close', (status) => {
      resolve({ status, ...texts });
    }),
  );
  return { child, said: () => texts.stderr, end };
}

/** The processes that a process has started. */
export const childrenOf = ({ pid }: ChildProcess): number[] =>
  spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line !== '')
    .map(Number);

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Lines of results without what is different each time. */
export const contentOf = (lines: string): string[] =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.stringify({ ...(JSON.parse(line) as object), seconds: null, peakMemory: null }));
