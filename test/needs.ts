// SPDX-License-Identifier: Apache-2.0
// What some tests need in addition to Node.js. If it is missing they are skipped, and their names say what is missing; the
// reporter (scripts/jest/reporter.cjs) prints it. With REQUIRE=all a missing tool that can be installed is a failure.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { hasReference } from './build/reference.js';
import { hasShared, SHARED } from './run.js';

export interface Need {
  readonly name: string;
  readonly isThere: () => boolean;
  /** Whether .ci/run installs it. */
  readonly installable: boolean;
}

const runs = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;
const once = (look: () => boolean): (() => boolean) => {
  let known: boolean | undefined;
  return () => (known ??= look());
};
const tool = (name: string, isThere: () => boolean): Need => ({ name, isThere: once(isThere), installable: true });
const program = (name: string, option = '--version'): Need => tool(name, () => runs(name, option));

const includesStdio = { input: '#include <stdio.h>\n' };
/** gcc with the headers of the C library, and binutils. */
export const gcc = tool(
  'gcc with objcopy and the headers of the C library',
  () =>
    runs('objcopy', '--version') &&
    spawnSync('gcc', ['-E', '-x', 'c', '-', '-o', '/dev/null'], includesStdio).status === 0,
);
export const dwz = program('dwz');
export const pahole = program('pahole');
export const strace = program('strace', '-V');
export const xz = program('xz');
export const zstd = program('zstd');
export const zsh = program('zsh');
export const fish = program('fish');
export const mandoc = tool('mandoc', () => runs('sh', '-c', 'command -v mandoc'));
export const make = program('make');
export const redis = program('redis-server');
export const openssl = program('openssl', 'version');
/** The browser that opens pages. */
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const chromium = tool('chromium', () => existsSync(CHROMIUM));
export const crash = tool(
  'crash with its header defs.h',
  () => runs('crash', '--version') && existsSync('/usr/include/crash/defs.h'),
);
/** The name under which clang is installed. */
export const clangName = ['clang', 'clang-19', 'clang-16', 'clang-14'].find((name) => runs(name, '--version')) ?? null;
export const clang = tool('clang', () => clangName !== null);
export const codecLibraries = tool('liblzo2-dev, libsnappy-dev and libzstd-dev', hasReference);
export const fullDevice: Need = { name: '/dev/full', isThere: () => existsSync('/dev/full'), installable: false };

/** The recorded hosts, in a folder next to the checkout on the developers' machines and in CI. */
export const recordedHosts: Need = {
  name: `recorded hosts in ${join(SHARED, 'dumps')} (KVM_VTOP_SHARED names another folder)`,
  isThere: () => hasShared,
  installable: false,
};

export interface DebugFile extends Need {
  readonly path: string;
}

/** A file from the debug packages of Debian's kernels, which archives do not keep for ever. */
export function debugFile(variable: string, name: string): DebugFile {
  const path = join(process.env[variable] ?? '/nowhere', name);
  return {
    name: `${name} in the folder that ${variable} names`,
    path,
    isThere: () => existsSync(path),
    installable: false,
  };
}

interface Tests {
  readonly test: typeof test;
  readonly describe: typeof describe;
}

/** `test` and `describe` for tests that need all of these. */
export function needing(...needs: readonly Need[]): Tests {
  const missing = needs.filter((need) => !need.isThere());
  if (missing.length === 0) return { test, describe };
  const reason = missing.map(({ name }) => name).join('; ');
  if (process.env.REQUIRE === 'all' && missing.every(({ installable }) => installable))
    test(`REQUIRE=all: ${reason}`, () => {
      throw new Error(`not installed: ${reason}`);
    });
  return { test: named(test.skip, reason) as typeof test, describe: named(describe.skip, reason) as typeof describe };
}

type Named = (title: string, ...rest: unknown[]) => unknown;
type Block = Named & { readonly each: (...table: unknown[]) => Named };

/** A copy of `block` that adds the reason to each title. */
function named(block: unknown, reason: string): unknown {
  const skip = block as Block;
  const suffixed =
    (inner: Named): Named =>
    (title, ...rest) =>
      inner(`${title} [skipped: no ${reason}]`, ...rest);
  return Object.assign(suffixed(skip), { each: (...table: unknown[]) => suffixed(skip.each(...table)) });
}
