// SPDX-License-Identifier: Apache-2.0
// Wrong input of the commands that work on a guest: one line, exit status 2, and nothing on standard output.
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { FIXTURES, kvmVtop } from '../run.js';

const DUMP = join(FIXTURES, 'debian-7.2-guest', 'vmcore.kdump');

test.each<[string, string | RegExp]>([
  ['search -e (', '--regex: error parsing regexp: missing closing ): `(`'],
  ['search -e a**', /^--regex: .*`\*\*`$/],
  ['search -s ', '--text: the text is empty'],
  ['search -e ', '--regex: the expression is empty'],
  ['search -e 5€', "--regex: '€' is not a byte; write the bytes of its encoding, in UTF-8 \\xe2\\x82\\xac"],
  ['search -s a --hva --address-space 1', '--address-space is about guest physical addresses: --hva has no use for it'],
  ['read -p 0 --hva --address-space 1', '--address-space is about guest physical addresses: --hva has no use for it'],
  ['search -x 123', "-x '123' is not valid: it must be pairs of hexadecimal digits"],
  ['search -x ', "-x '' is not valid: it must be pairs of hexadecimal digits"],
  ['search -x 12 -m ff00', '--mask has 2 bytes, --hex has 1: they must have as many'],
  ['search -s a -m ff', '--mask needs --hex'],
  ['search', /^what to search for is missing: give -s, -x or -e/],
  ['search -s a -x 61', /cannot be used with/],
  ['search -s a --vcpu 0', '--vcpu needs --gva'],
  ['search -s a --gva', /^--gva needs ranges/],
  ['search -s a -p zz', /^'zz' is not a range of hexadecimal addresses/],
  ['search -s a -p ffffffffffffffff+2', 'the range ffffffffffffffff-10000000000000000 reaches above 2^64'],
  ['search -s a --gva --cr3 1000 -p 10000000000000000', /reaches above 2\^64$/],
  ['read', '-p is missing: the addresses; see --help'],
  ['read -p zz', /^'zz' is not a hexadecimal address or a range/],
  ['read -p 5-1', /^'5-1' is not a hexadecimal address or a range/],
  ['read -p 0+0', /^'0\+0' is not a hexadecimal address or a range/],
  ['read -p 0 -n 0', /^-n '0' is not valid: /],
  ['read -p ffffffffffffffff -n 2', '0xffffffffffffffff: 2 bytes from there on reach above 2^64'],
  ['read -p 10000000000000000', /reach above 2\^64$/],
  ['read -p 0-ffffffffffffffff', /are too many; at most 2\^53 - 1 are read$/],
  ['read -p 0 --fill 00', '--fill needs --binary'],
  ['read -p 0 --binary --fill 100', "--fill '100' is not valid: it must be a hexadecimal byte"],
  ['read -p 0 --vcpu 1', '--vcpu needs --gva'],
  ['read -p 0 --cr3 1000', '--cr3 needs --gva'],
  ['read -p 0 --gtask 1', '--gtask needs --gva'],
  ['read -p 0 --gva --hva', /cannot be used with/],
  ['read -p 0 --gva --vcpu 99', 'the VM has no vCPU with index 99 that can be read; its vCPUs: 0, 1'],
  ['read -p 0 --gva --vcpu x', /^--vcpu 'x' is not valid: /],
  ['read -p 0 --gva --cr3 zz', /^--cr3 'zz' is not valid: /],
  ['read -p 0 --gva --cr3 11112222333344445', /^--cr3 '11112222333344445' is not valid: /],
  ['read -p 0 --gva --cr3 1000 --vcpu 1', /cannot be used with/],
  ['read -p 0 --address-space 7', 'address space 7 does not exist; valid: 0, 1'],
  ['vtop -p 0 --vcpu 1', '--vcpu needs --gva'],
  ['vtop -p 0 --gva --gtask 1 --cr3 0', /cannot be used with/],
  [
    'npt --address-space 1',
    '--address-space needs addresses: without them the tables of all address spaces are compared',
  ],
  ['npt zz', "'zz' is not a hexadecimal address"],
  ['npt 10000000000000000', "'10000000000000000' is not a guest physical address: it must be below 2^52"],
])('%s', (line, message) => {
  const [command = '', ...words] = line.split(' ');
  const main = command === 'vtop' ? [] : [command];
  const { status, stdout, stderr } = kvmVtop([...main, '-c', DUMP, '-g', 'alpha', ...words]);
  const [, text = ''] = /^kvm-vtop: ([^\n]*)\n$/.exec(stderr) ?? [];
  expect({ status, stdout, stderr: text === '' ? stderr : '' }).toEqual({ status: 2, stdout: '', stderr: '' });
  if (typeof message === 'string') expect(text).toBe(message);
  else expect(text).toMatch(message);
});

test.each<[readonly string[], RegExp]>([
  [
    ['vms', '--guest', 'nosuch'],
    /^kvm-vtop: --guest 'nosuch' is not a pid or the address of a task_struct, and no VM is known/m,
  ],
  [['log', '-g', 'nosuch'], /^kvm-vtop: -g 'nosuch' is not a pid or the address of a task_struct, and no VM is known/m],
  [
    ['vms', '--guest', '180'],
    /^kvm-vtop: pid 180 \(two-vms\) holds several VMs; the address of a struct kvm chooses one:$/m,
  ],
  [['vms', '--guest', 'beta'], /guest beta: no VMCOREINFO in the dump, and no kernel page tables were found/],
  [
    ['-g', 'beta', '--gva', '--gtask', '1', '-p', '0'],
    /^kvm-vtop: memory of the VM of pid 153: no VMCOREINFO in the dump.* were found$/m,
  ],
])('%j', (words, message) => {
  const [command = '', ...rest] = words;
  const { status, stdout, stderr } = kvmVtop(
    command.startsWith('-') ? ['-c', DUMP, ...words] : [command, '-c', DUMP, ...rest],
  );
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain('internal error');
});

test('a line of standard input that is not an address', () => {
  for (const [command, option] of [
    ['read', '-p'],
    ['npt', '-p'],
  ] as const) {
    const { status, stderr } = kvmVtop([command, '-c', DUMP, '-g', 'alpha', option, '-'], '328a000\nnonsense\n');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^kvm-vtop: line 2 of standard input: 'nonsense' is not a hexadecimal address[^\n]*\n$/);
  }
});

test('an empty standard input', () => {
  for (const [command, ...words] of [
    ['npt', '-p', '-'],
    ['read', '-p', '-'],
    ['search', '-s', 'a', '-p', '-'],
  ] as const) {
    const { status, stdout, stderr } = kvmVtop([command, '-c', DUMP, '-g', 'alpha', ...words], '');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^kvm-vtop: standard input has no (addresses|ranges)\n$/);
  }
});
