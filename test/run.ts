// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(__dirname, '..');
export const FIXTURES = join(ROOT, 'fixtures');
const CLI = join(ROOT, 'dist', 'cli.js');

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Milliseconds after which a process is considered to hang; the slowest run takes a hundredth of it. */
export const LIMIT = 300_000;

/** Runs the built program, as a user does. Throws if it does not end within `LIMIT`. */
export function kvmVtop(
  args: readonly string[],
  input: string | Uint8Array = '',
  environment: NodeJS.ProcessEnv = process.env,
): Run {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [CLI, ...args], {
    input,
    env: environment,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    timeout: LIMIT,
    killSignal: 'SIGKILL',
  });
  // EPIPE: the program did not read all of its input, which is not a failure.
  if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  return { status, stdout, stderr };
}

/** The folders below fixtures/ that hold a dump. */
export const fixtures = (): string[] =>
  readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'facts.json')));

/** The folder of recorded hosts, next to the checkout on the developers' machines and in CI. */
export const SHARED = process.env.KVM_VTOP_SHARED ?? join(ROOT, '..', 'shared');
export const hasShared = existsSync(join(SHARED, 'dumps'));

/** The recorded hosts: folder, release of the kernel, pid of the VM alpha, and the fixture that was made from it. */
export const HOSTS = [
  { host: 'debian-5.10-lzo', release: '5.10.0-32-amd64', pid: '132', fixture: 'debian-5.10' },
  { host: 'debian-6.1-zlib', release: '6.1.0-50-amd64', pid: '136', fixture: 'debian-6.1' },
  { host: 'debian-6.12-zstd', release: '6.12.107+deb13-amd64', pid: '182', fixture: 'debian-6.12' },
  { host: 'debian-7.2-zstd-contents', release: '7.2.13+deb14-amd64', pid: '147', fixture: 'debian-7.2' },
] as const;
