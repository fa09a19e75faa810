// SPDX-License-Identifier: Apache-2.0
// Runs jest on a build of the sources as they are now; with --no-build as the first argument on whatever build there is,
// which is enough for test/unit. What tests leave in the folder for temporary files is removed afterwards.
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
// jest keeps the modules that it transformed in the folder for temporary files too; those are worth keeping.
const cache = join(tmpdir(), 'kvm-vtop-jest');
const jest = fileURLToPath(import.meta.resolve('jest/bin/jest'));
process.exitCode = run(jest, ['--cacheDirectory', cache, ...given.slice(needsBuild ? 0 : 1)], {
  TMPDIR: scratch,
});
rmSync(scratch, { recursive: true, force: true });
