// SPDX-License-Identifier: Apache-2.0
import { expect } from '@jest/globals';
import type { Run } from '../run.js';

/** One line on standard error, nothing on standard output, exit status 2. */
export function expectRefusal(run: Run, message: RegExp): void {
  expect(run).toMatchObject({ status: 2, stdout: '' });
  expect(run.stderr).toMatch(message);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
}
