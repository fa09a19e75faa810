// SPDX-License-Identifier: GPL-2.0-or-later
// Sessions of crash with the extension, for the scripts of this folder.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The options that all scripts have, for parseArgs. */
export const OPTIONS = /** @type {const} */ ({
  vmlinux: { type: 'string' },
  'kvm-module': { type: 'string' },
  crash: { type: 'string', default: 'crash' },
  extension: { type: 'string', default: new URL('qemu-vtop.so', import.meta.url).pathname },
  scratch: { type: 'string', default: tmpdir() },
});

/**
 * The dump, and the values of these options. `scratch` is a new folder inside the given one.
 *
 * @typedef {{ dump: string, vmlinux: string, kvmModule: string, crash: string, extension: string,
 *   scratch: string }} Setup
 */
/**
 * The values that parseArgs returns for these options.
 *
 * @typedef {{ vmlinux?: string, 'kvm-module'?: string, crash: string, extension: string, scratch: string }} Values
 */
/**
 * The output of a session; its exit status, or the signal that ended it; whether the extension was loaded; and whether
 * crash reached the "quit" at the end of its input.
 *
 * @typedef {object} Session
 * @property {string} stdout
 * @property {string} stderr
 * @property {number | NodeJS.Signals | null} ended
 * @property {boolean} isLoaded
 * @property {boolean} isWhole
 */

/** Prints the usage of a script, and ends it with status 2. @type {(usage: string) => never} */
export function exitWithUsage(usage) {
  console.error(usage);
  process.exit(2);
}

/**
 * Reads the command line. Ends the script with its usage if something is missing.
 *
 * @param {string} usage
 * @param {Values} values
 * @param {readonly string[]} positionals
 * @returns {Setup}
 */
export function setupOf(usage, { vmlinux, 'kvm-module': kvmModule, crash, extension, scratch: parent }, [dump]) {
  if (dump === undefined || vmlinux === undefined || kvmModule === undefined) exitWithUsage(usage);
  const scratch = mkdtempSync(join(parent, 'crash-ext-'));
  process.on('exit', () => {
    rmSync(scratch, { recursive: true, force: true });
  });
  return { dump, vmlinux, kvmModule, crash, extension, scratch };
}

/** The last command: crash runs it only if no earlier command ended the session. */
const [LAST, SAID] = ['eval 0x5a5a5a5a', 'hexadecimal: 5a5a5a5a'];
const LIMIT_MS = 600_000;

/**
 * Runs one session. `extension` is null for crash alone.
 *
 * @param {Setup} setup
 * @param {{ dump: string, extension: string | null, commands: readonly string[] }} wanted
 * @returns {Session}
 */
export function session(setup, { dump, extension, commands }) {
  const script = join(setup.scratch, 'commands');
  const extend = extension === null ? [] : [`extend ${resolve(extension)}`];
  writeFileSync(script, [`mod -s kvm ${setup.kvmModule}`, ...extend, ...commands, LAST, 'quit', ''].join('\n'));
  const [program = '', ...args] = setup.crash.split(' ');
  const run = spawnSync(program, [...args, '-s', '-i', script, setup.vmlinux, resolve(dump)], {
    encoding: 'latin1',
    maxBuffer: 2 ** 30,
    input: '',
    timeout: LIMIT_MS,
  });
  if (run.error !== undefined && run.signal === null) throw run.error;
  const [stdout = '', end] = run.stdout.split(SAID);
  const isLoaded = extension === null || stdout.includes('shared object loaded');
  return { stdout, stderr: run.stderr, ended: run.signal ?? run.status, isLoaded, isWhole: end !== undefined };
}
