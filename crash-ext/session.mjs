// SPDX-License-Identifier: GPL-2.0-or-later
// Sessions of crash with the extension, for the scripts of this folder.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Options that every script has, for parseArgs. */
export const OPTIONS = /** @type {const} */ ({
  vmlinux: { type: 'string' },
  'kvm-module': { type: 'string' },
  crash: { type: 'string', default: 'crash' },
  extension: { type: 'string', default: new URL('qemu-vtop.so', import.meta.url).pathname },
  scratch: { type: 'string', default: tmpdir() },
});

/**
 * The dump, and the values of these options. `scratch` is a new folder in the one that was named.
 *
 * @typedef {{ dump: string, vmlinux: string, kvmModule: string, crash: string, extension: string,
 *   scratch: string }} Setup
 */
/**
 * What parseArgs gives for these options.
 *
 * @typedef {{ vmlinux?: string, 'kvm-module'?: string, crash: string, extension: string, scratch: string }} Values
 */
/**
 * What a session printed; its exit status, or the signal that ended it; whether the extension was loaded; and whether
 * crash came to its own "quit".
 *
 * @typedef {object} Session
 * @property {string} stdout
 * @property {string} stderr
 * @property {number | NodeJS.Signals | null} ended
 * @property {boolean} isLoaded
 * @property {boolean} isWhole
 */

/** Prints how a script is called, and ends it with status 2. @type {(usage: string) => never} */
export function exitWithUsage(usage) {
  console.error(usage);
  process.exit(2);
}

/**
 * What the command line says. Ends the script with its usage where something is missing.
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

/** The last command: crash runs it only if none before it ended the session. */
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
