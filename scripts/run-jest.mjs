// SPDX-License-Identifier: Apache-2.0
// jest, with its report in JSON besides where KVM_VTOP_JEST_JSON names a file. What tests leave in the folder for
// temporary files goes with it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const file = process.env.KVM_VTOP_JEST_JSON;
const report = file ? ['--json', `--outputFile=${file}`] : [];
const jest = new URL('../node_modules/jest/bin/jest.js', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'kvm-vtop-tests-'));
// jest keeps what it transformed in the folder for temporary files too; that is worth keeping.
const cache = join(tmpdir(), 'kvm-vtop-jest');
const { status } = spawnSync(process.execPath, [jest, '--cacheDirectory', cache, ...report, ...process.argv.slice(2)], {
  stdio: ['inherit', file ? 'ignore' : 'inherit', 'inherit'],
  env: { ...process.env, TMPDIR: scratch },
});
rmSync(scratch, { recursive: true, force: true });
process.exitCode = status ?? 1;
