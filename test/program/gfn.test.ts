// SPDX-License-Identifier: Apache-2.0
// --gfn: guest frame numbers in the place of addresses.
import { describe, expect, test } from '@jest/globals';
import { DUMP } from '../build/alpha.js';
import { kvmVtop } from '../run.js';

const ask = (words: readonly string[], input = '') => kvmVtop(['-c', DUMP, '-g', '136', ...words], input);

describe('guest frame numbers', () => {
  const FRAMES = ['0', '0x1', '2A', 'ffff', 'fffffffff', 'ffffffffff', '10000000000', '123456789abcdef01'];
  const asAddresses = FRAMES.map((frame) => `${frame}000`);

  test('have the answers of the addresses of the frames', () => {
    for (const more of [['--json'], []]) {
      const frames = ask(['--gfn', ...FRAMES, ...more]);
      expect(frames).toEqual(ask(['-p', ...asAddresses, ...more]));
      expect(frames.stdout.split('\n').length).toBeGreaterThan(FRAMES.length);
    }
  });

  test('can be given with -p, and on standard input, where a line that is none is invalid', () => {
    const { stdout } = ask(['--gfn', ...FRAMES, '--json']);
    expect(ask(['--gfn', '-p', ...FRAMES, '--json']).stdout).toBe(stdout);
    expect(ask(['--gfn', '-', '--json'], FRAMES.join('\n')).stdout).toBe(stdout);
    const [invalid, one] = ask(['--gfn', '-', '--json'], 'x\n1\n').stdout.trimEnd().split('\n');
    expect(JSON.parse(invalid ?? '')).toMatchObject({ gpa: null, state: 'invalid' });
    expect(JSON.parse(one ?? '')).toMatchObject({ gpa: '0x1000', state: 'mapped' });
  });

  test('are not guest virtual addresses', () => {
    const { status, stderr } = ask(['--gfn', '--gva', '1']);
    expect(status).toBe(2);
    expect(stderr).toContain("'--gfn' cannot be used with option '--gva'");
  });

  test('that are not numbers are refused before the dump is opened', () => {
    expect(ask(['--gfn', '1g'])).toMatchObject({ status: 2, stdout: '' });
  });
});
