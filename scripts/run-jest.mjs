// SPDX-License-Identifier: Apache-2.0
// jest, with its report in JSON besides where KVM_VTOP_JEST_JSON names a file.
import { spawnSync } from 'node:child_process';

const file = process.env.KVM_VTOP_JEST_JSON;
const report = file ? ['--json', `--outputFile=${file}`] : [];
const jest = new URL('../node_modules/jest/bin/jest.js', import.meta.url).pathname;
const { status } = spawnSync(process.execPath, [jest, ...report, ...process.argv.slice(2)], {
  stdio: ['inherit', file ? 'ignore' : 'inherit', 'inherit'],
});
process.exitCode = status ?? 1;
