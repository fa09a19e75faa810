// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseAddress } from '../../src/core/text.js';
import { DUMP } from '../build/alpha.js';
import { lineProblems } from '../build/schema.js';
import { FIXTURES, kvmVtop } from '../run.js';

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('addresses from standard input', () => {
  const ask = (input: string) => kvmVtop(['-c', DUMP, '-g', '136', '-p', '-', '--json'], input);

  test('a line that is not an address becomes one object, and the run continues', () => {
    const { stdout, status } = ask('840\nnot an address\n\n0x1840\r\n');
    expect(linesOf(stdout).map(({ gpa, state }) => [gpa, state])).toEqual([
      ['0x840', 'mapped'],
      [null, 'invalid'],
      [null, 'invalid'],
      ['0x1840', 'mapped'],
    ]);
    expect(linesOf(stdout).map(lineProblems)).toEqual([null, null, null, null]);
    expect(status).toBe(1);
  });

  test('an address of 2^52 or more is printed exactly and has no memslot', () => {
    const asked = ['10000000000000', 'ffffffffffffffff', '123456789abcdef0123456789abcdef', '0x00FFFFFFFFFFFFF001'];
    const answers = linesOf(ask(`${asked.join('\n')}\n`).stdout).map(({ gpa, hva, hpa, state }) => ({
      gpa,
      hva,
      hpa,
      state,
    }));
    const echoed = [
      '0x10000000000000',
      '0xffffffffffffffff',
      '0x123456789abcdef0123456789abcdef',
      '0xfffffffffffff001',
    ];
    expect(answers).toEqual(echoed.map((gpa) => ({ gpa, hva: null, hpa: null, state: 'no-memslot' })));
  });

  test('an endless line is one invalid line, and takes little memory', () => {
    const { stdout } = ask(`${'0'.repeat(3_000_000)}\n840\n${'1'.repeat(3_000_000)}`);
    expect(linesOf(stdout).map(({ gpa, state }) => [gpa, state])).toEqual([
      [null, 'invalid'],
      ['0x840', 'mapped'],
      [null, 'invalid'],
    ]);
    expect(stdout.length).toBeLessThan(4000);
  });

  test('leading zeros are ignored', () => {
    expect(linesOf(ask(`${'0'.repeat(60_000)}840\n${'0'.repeat(60_000)}z\n`).stdout).map(({ gpa }) => gpa)).toEqual([
      '0x840',
      null,
    ]);
  });

  test('the last line needs no newline', () => {
    expect(linesOf(ask('840').stdout)).toHaveLength(1);
  });

  test('addresses before and after - keep their places', () => {
    const { stdout } = kvmVtop(['-c', DUMP, '-g', '136', '--json', '-p', '0', '-', '2000'], '840\n1840\n');
    expect(linesOf(stdout).map(({ gpa }) => gpa)).toEqual(['0x0', '0x840', '0x1840', '0x2000']);
  });

  test('invalid lines are separate blocks, with their control characters escaped', () => {
    const { stdout, stderr, status } = kvmVtop(['-c', DUMP, '-g', '136', '-p', '-'], 'no\x1b[31m\n840\n\n');
    const heads = stdout.split(/\n\n(?=GUEST PHYSICAL)/).map((text) => text.split('\n')[1]?.replace(/ +/g, ' ').trim());
    expect(heads).toEqual(['no\\x1b[31m - (invalid)', expect.stringMatching(/^840 7f/), '- (invalid)']);
    expect(stderr.trimEnd().split('\n')).toEqual([
      "kvm-vtop: line 1 of standard input: 'no\\x1b[31m' is not a hexadecimal address",
      "kvm-vtop: line 3 of standard input: '' is not a hexadecimal address",
    ]);
    expect(status).toBe(1);
  });

  test('in text, standard error has the reasons of the first 20 addresses without a host physical address', () => {
    const holes = Array.from({ length: 25 }, (_, i) => (0xfee00000 + i * 4096).toString(16));
    const { stderr } = kvmVtop(['-c', DUMP, '-g', '136', '-p', '-', '840'], `1840\n${holes.join('\n')}\n`);
    expect(stderr.trimEnd().split('\n')).toEqual([
      ...holes.slice(0, 20).map((gpa) => expect.stringMatching(new RegExp(`^kvm-vtop: ${gpa}: no memslot `))),
      "kvm-vtop: 5 similar messages are not shown; --json has them all, as 'message'",
    ]);
    expect(kvmVtop(['-c', DUMP, '-g', '136', '--json', '-p', ...holes]).stderr).toBe('');
  });
});

describe('the message about a line that can not be taken has one form', () => {
  const pages = join(FIXTURES, 'debian-7.2-pages', 'vmcore.kdump');
  const range = 'is not a hexadecimal address or range: FIRST-LAST or FIRST+SIZE';
  test.each<[string, readonly string[], string]>([
    ['vtop', ['-c', DUMP, '-g', '136', '-p', '-'], 'is not a hexadecimal address'],
    ['hva', ['hva', '-c', DUMP, '-g', '136', '-'], range],
    ['page', ['page', '-c', pages, '-'], range],
    [
      'map',
      ['map', '-c', DUMP, '-g', '136', '-p', '-'],
      'is not a range of hexadecimal addresses: FIRST-LAST or FIRST+SIZE',
    ],
  ])('%s', (_name, words, problem) => {
    const { stderr } = kvmVtop(words, 'no\x1b[31m\n');
    expect(stderr.split('\n')).toContain(`kvm-vtop: line 1 of standard input: 'no\\x1b[31m' ${problem}`);
  });

  test('hva answers with the line itself, as vtop does', () => {
    const ask = (...more: readonly string[]) => kvmVtop(['hva', '-c', DUMP, '-g', '136', '-', ...more], 'no\x1b[31m\n');
    expect(ask().stdout).toMatch(/^VIRTUAL +PHYSICAL +\nno\\x1b\[31m +\(invalid\) *\n/);
    expect(JSON.parse(ask('--json').stdout)).toMatchObject({
      hva: null,
      state: 'invalid',
      message: `'no\\x1b[31m' ${range}`,
    });
  });

  test('hva, of no line', () => {
    const { status, stderr } = kvmVtop(['hva', '-c', DUMP, '-g', '136', '-'], '');
    expect([status, stderr]).toEqual([2, 'kvm-vtop: standard input has no addresses\n']);
  });
});

/** Questions of which the truth is known: addresses of every kind of page. */
const questions = (
  JSON.parse(readFileSync(join(FIXTURES, 'debian-6.12-states', 'facts.json'), 'utf8')) as {
    questions: { name: string; process: string; vm: string | null; addressSpace: number; cases: { gpa: string }[] }[];
  }
).questions;

// The text of what neighbouring lines have in common is kept.
test.each(questions)('the answer to a line does not depend on the lines before it: $name', (question) => {
  const { process: pid, vm, addressSpace, cases } = question;
  const which = ['-g', pid, ...(vm === null ? [] : ['--vm', vm]), '--address-space', String(addressSpace)];
  const ask = (lines: readonly string[]): string[] => {
    const args = ['-c', join(FIXTURES, 'debian-6.12-states', 'vmcore.kdump'), ...which, '-p', '-', '--json'];
    return kvmVtop(args, `${lines.join('\n')}\n`)
      .stdout.trimEnd()
      .split('\n');
  };
  // With lines that are not addresses in between, and each address twice in a row.
  const lines = cases.flatMap(({ gpa }, i) => (i % 3 === 0 ? [gpa, gpa.toUpperCase(), 'no', gpa.slice(2)] : [gpa]));
  expect(new Set(ask(lines)).size).toBe(new Set(cases.map(({ gpa }) => gpa)).size + 1);
  expect(ask([...lines].reverse())).toEqual(ask(lines).reverse());
  const apart = lines.map((_, i) => lines[(i * 7919) % lines.length] as string);
  expect(new Set(ask(apart))).toEqual(new Set(ask(lines)));
});

test('an address is the same number however it is written', () => {
  const hexadecimal = fc.bigInt({ min: 0n, max: 2n ** 72n });
  fc.assert(
    fc.property(
      hexadecimal,
      fc.nat(3),
      fc.boolean(),
      fc.constantFrom('', '0x', '0X'),
      (value, zeros, isUpper, head) => {
        const digits = value.toString(16);
        const written = head + '0'.repeat(zeros) + (isUpper ? digits.toUpperCase() : digits);
        const frame = value < 2n ** 52n ? Number(value >> 12n) : null;
        expect(parseAddress(written)).toEqual({ digits, frame, offset: Number(value & 0xfffn) });
        for (const wrong of [`${written}g`, `:${written}`, `${written}/`, `${written}\u0131`])
          expect(parseAddress(wrong)).toBeNull();
      },
    ),
  );
});
