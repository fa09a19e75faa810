// SPDX-License-Identifier: Apache-2.0
// The kernel's log, compared with what the kernel wrote to its serial line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { recordProblems } from '../build/schema.js';
import { FIXTURES, kvmVtop } from '../run.js';

const FOLDER = join(FIXTURES, 'debian-6.12-log');
const DUMP = join(FOLDER, 'vmcore.kdump');
const serial = readFileSync(join(FOLDER, 'serial.log'), 'latin1').trimEnd().split('\n');

interface Message {
  readonly record: string;
  readonly seq: number;
  readonly time: number;
  readonly level: string;
  readonly text: string;
  readonly subsystem: string | null;
  readonly device: string | null;
}

const json = kvmVtop(['log', '-c', DUMP, '--json']);
const messages = json.stdout
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Message);
const prefixed = ({ time, text }: Message): string[] =>
  text.split('\n').map((line) => `[${time.toFixed(6).padStart(12)}] ${line}`);

test('every line of the serial line is in the text, in its order; others are for debugging', () => {
  const { status, stdout, stderr } = kvmVtop(['log', '-c', DUMP]);
  expect([status, stderr]).toEqual([0, '']);
  const lines = stdout.trimEnd().split('\n');
  // The console prints a message of several processors when it can, which is not always in the order of the log.
  expect(serial.filter((line) => !lines.includes(line))).toEqual([]);
  const others = lines.filter((line) => !serial.includes(line));
  const debugging = messages.filter(({ level }) => level === 'debug').flatMap(prefixed);
  expect(others.filter((line) => !debugging.includes(line))).toEqual([]);
  expect(others.length).toBeLessThan(lines.length / 10);
  expect(lines).toEqual(messages.flatMap(prefixed));
});

test('JSON: numbers without gaps, devices', () => {
  expect([json.status, json.stderr]).toEqual([0, '']);
  for (const message of messages) expect(recordProblems(message)).toBeNull();
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, i) => i));
  const devices = messages.filter(({ device }) => device !== null);
  expect(devices.find(({ subsystem }) => subsystem === 'pci')?.device).toMatch(/^\+pci:0000:00:/);
});

test('--panic begins with the cause', () => {
  const { status, stdout } = kvmVtop(['log', '-c', DUMP, '--panic']);
  const [first, second] = stdout.split('\n');
  expect(status).toBe(0);
  expect(first).toMatch(/^\[[ 0-9.]+\] sysrq: Trigger a crash$/);
  expect(second).toMatch(/^\[[ 0-9.]+\] Kernel panic - not syncing: sysrq triggered crash$/);
});

test('the log of another excerpt: what is missing is said, and the status is 2', () => {
  const { status, stdout, stderr } = kvmVtop(['log', '-c', join(FIXTURES, 'debian-6.12', 'vmcore.kdump')]);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^kvm-vtop: .*made for other addresses; make an excerpt from the whole dump with -- log\n$/);
});

test('-g of a VM whose guest has no kernel that is in the excerpt: one line', () => {
  const { status, stdout, stderr } = kvmVtop([
    'log',
    '-c',
    join(FIXTURES, 'debian-7.2-guest', 'vmcore.kdump'),
    '-g',
    'beta',
  ]);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(
    /^kvm-vtop: memory of the VM of pid 153: no VMCOREINFO in the dump, and no kernel page tables were found$/m,
  );
});
