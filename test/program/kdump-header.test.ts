// SPDX-License-Identifier: Apache-2.0
// The strings in the header of a kdump file, which some versions of makedumpfile write four bytes too early.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ANSWER, DUMP, ONE } from '../build/alpha.js';
import { expectRefusal } from '../build/refusal.js';
import { scratch } from '../build/scratch.js';
import { kvmVtop } from '../run.js';

const { file } = scratch('header');

describe('the header of a kdump file', () => {
  /** Writes the six strings of utsname four bytes too early, as makedumpfile before 1.6.9 with Linux 5.11 and later. */
  const shifted = (): Buffer => {
    const bytes = readFileSync(DUMP);
    bytes.copyWithin(12, 16, 402);
    return bytes.fill(0, 398, 402);
  };
  const named = (machine: string): Buffer => {
    const bytes = readFileSync(DUMP);
    bytes.fill(0, 12 + 4 * 65, 12 + 5 * 65).write(machine, 12 + 4 * 65, 'latin1');
    return bytes;
  };

  test('strings four bytes too early are ignored: the kernel in memory decides', () => {
    expect(kvmVtop(['-c', file(shifted()), ...ONE]).stdout).toMatch(ANSWER);
  });

  test.each(['', '64', 'x86_64', 'garbage', '\x1b[31m'])('machine %j is not refused', (machine) => {
    expect(kvmVtop(['-c', file(named(machine)), ...ONE]).stdout).toMatch(ANSWER);
  });

  test.each(['aarch64', 'ppc64le', 'i686', 'armv7l'])('machine %s is refused', (machine) => {
    expectRefusal(kvmVtop(['-c', file(named(machine)), ...ONE]), new RegExp(`a dump of architecture ${machine};`));
  });
});
