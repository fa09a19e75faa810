// SPDX-License-Identifier: Apache-2.0
// Effects of options. Refused input, help, and complete answers are in golden/.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ALPHA, DUMP } from '../build/alpha.js';
import { expectRefusal } from '../build/refusal.js';
import { kvmVtop, ROOT } from '../run.js';

describe('the command line', () => {
  const gpas = (args: readonly string[]) =>
    kvmVtop([...args, '--json'])
      .stdout.trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { gpa: string }).gpa);

  test('addresses after -p and elsewhere are answered in the given order', () => {
    expect(gpas([...ALPHA, '-p', '0', '840', '2000'])).toEqual(['0x0', '0x840', '0x2000']);
    expect(gpas(['-p', '840', '-c', DUMP, '-g', '136', '2000'])).toEqual(['0x840', '0x2000']);
    expect(gpas([...ALPHA, '-p', '0x840', '-p', '0X2000'])).toEqual(['0x840', '0x2000']);
  });

  test('PROT_NONE pages: the true address, not the inverted one that crash prints', () => {
    const { stdout } = kvmVtop(['-c', DUMP, '-g', '156', '-p', '10840']);
    expect(stdout).toMatch(/^10840 +7f622d77d840 +15a46840 *$/m);
    expect(stdout).toMatch(/PTE: 43ceebe8 => fffffea5b9960\n {2}PAGE: 15a46000 /);
    expect(stdout).toMatch(/^fffffea5b9960 {2}15a46000 {2}\(ACCESSED\|DIRTY\|PROTNONE\|GLOBAL\)$/m);
    expect(stdout).toMatch(/^[0-9a-f]{16} 15a46000 /m);
  });

  test('-v reports on standard error what was found where, and the time of each step', () => {
    const { stdout, stderr } = kvmVtop([...ALPHA, '-p', '840', '--json', '-v']);
    for (const text of [
      /kdump-compressed version 6, an excerpt, kernel 6\.1\.0-50-amd64/,
      /symbols: 94101 in kallsyms/,
      /types: BTF of vmlinux/,
      /^VM: pid 136 \(qemu-system-x86\), descriptor 9, struct kvm at 0xffffcee1803f5000$/m,
      /6 memslots/,
      /^open: [0-9.]+ ms$/m,
    ])
      expect(stderr).toMatch(text);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });
});

test('an address with a control character is refused, with the character escaped', () => {
  const run = kvmVtop([...ALPHA, '-p', '12\u001b[31m']);
  expectRefusal(run, /'12\\x1b\[31m' is not a hexadecimal address/);
});

test('--version', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(kvmVtop(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
});
