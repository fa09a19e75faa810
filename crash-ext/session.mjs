// SPDX-License-Identifier: GPL-2.0-or-later
// Sessions of crash with the extension, for the scripts of this folder.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** The command line: one dump, the options of every script, and `more`. Ends with `usage` where something is missing. */
export function commandLine(usage, more) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      vmlinux: { type: 'string' },
      'kvm-module': { type: 'string' },
      crash: { type: 'string', default: 'crash' },
      extension: { type: 'string', default: new URL('qemu-vtop.so', import.meta.url).pathname },
      scratch: { type: 'string', default: tmpdir() },
      ...more,
    },
  });
  const [dump] = positionals;
  if (dump === undefined || values.vmlinux === undefined || values['kvm-module'] === undefined) {
    console.error(usage);
    process.exit(2);
  }
  const scratch = mkdtempSync(join(values.scratch, 'crash-ext-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  return { dump, values: { ...values, scratch } };
}

/** crash comes to the last command only if none before it ended the session. */
const [LAST, SAID] = ['eval 0x5a5a5a5a', 'hexadecimal: 5a5a5a5a'];

/**
 * One session: `extension` null for crash alone. What it printed, its exit status or the signal that ended it, whether the
 * extension was loaded, and whether crash came to its own "quit".
 */
export function session({ values, dump, extension, commands }) {
  const script = join(values.scratch, 'commands');
  const extend = extension === null ? [] : [`extend ${resolve(extension)}`];
  writeFileSync(script, [`mod -s kvm ${values['kvm-module']}`, ...extend, ...commands, LAST, 'quit', ''].join('\n'));
  const [program, ...args] = values.crash.split(' ');
  const run = spawnSync(program, [...args, '-s', '-i', script, values.vmlinux, resolve(dump)], {
    encoding: 'latin1',
    maxBuffer: 2 ** 30,
    input: '',
    timeout: 600_000,
  });
  if (run.error !== undefined && run.signal === null) throw run.error;
  const [stdout, end] = run.stdout.split(SAID);
  const isLoaded = extension === null || stdout.includes('shared object loaded');
  return { stdout, stderr: run.stderr, ended: run.signal ?? run.status, isLoaded, isWhole: end !== undefined };
}
