// SPDX-License-Identifier: Apache-2.0
// Runs jest on an up-to-date build; with --no-build as the first argument, on whatever build exists, which is enough
// for test/unit. Afterwards removes what tests left in the folder for temporary files.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBuilt } from '../sources.mjs';

/**
 * Exit status of a script.
 *
 * @type {(script: string, args: string[], environment?: NodeJS.ProcessEnv) => number}
 */
const run = (script, args, environment = {}) =>
  spawnSync(process.execPath, [script, ...args], { stdio: 'inherit', env: { ...process.env, ...environment } })
    .status ?? 1;

const given = process.argv.slice(2);
const needsBuild = given[0] !== '--no-build';
const built = !needsBuild || isBuilt() ? 0 : run(fileURLToPath(new URL('../build.mjs', import.meta.url)), []);
if (built !== 0) process.exit(built);
const scratch = mkdtempSync(join(tmpdir(), 'kvm-vtop-tests-'));
// jest caches transformed modules in the folder for temporary files; that cache is kept.
const cache = join(tmpdir(), 'kvm-vtop-jest');
const jest = fileURLToPath(import.meta.resolve('jest/bin/jest'));
process.exitCode = run(jest, ['--cacheDirectory', cache, ...given.slice(needsBuild ? 0 : 1)], {
  TMPDIR: scratch,
  // What the program keeps is not left in the user's cache folder.
  XDG_CACHE_HOME: join(scratch, 'cache'),
});
rmSync(scratch, { recursive: true, force: true });
