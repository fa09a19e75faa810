// SPDX-License-Identifier: Apache-2.0
// The part of a log that is about the crash.
import { expect, test } from '@jest/globals';
import { LogStart, panicIn } from '../../../src/commands/panic.js';
import type { LogMessage } from '../../../src/kernel/printk/message.js';

const messageOf = (text: string | null): LogMessage => ({
  ...{ seq: null, time: null, level: null, facility: null, thread: null, cpu: null },
  ...{ subsystem: null, device: null, text, continues: false },
});
const fromStart = (texts: readonly (string | null)[]) =>
  [...new LogStart().from(texts.map(messageOf))].map(({ text }) => text);
const others = (count: number): string[] => Array.from({ length: count }, (_, i) => `device ${i}: link is up`);

const PANIC = 'Kernel panic - not syncing: Fatal exception';
const BUG = 'BUG: kernel NULL pointer dereference, address: 0000000000000010';
const TRACE = ['Oops: 0000 [#1] SMP PTI', 'CPU: 1 PID: 411 Comm: bash', 'RIP: 0010:crash_me+0x5/0x10', 'Call Trace:'];

// Facility 1: LOG_USER of syslog(3), that of messages written to /dev/kmsg.
test('what a process wrote is not about a crash, but is shown', () => {
  const [forged, bug, after] = [{ ...messageOf(PANIC), facility: 1 }, messageOf(BUG), messageOf('after')];
  expect([...new LogStart().from([forged, after])]).toEqual([]);
  expect([...new LogStart().from([forged, after, bug, forged])]).toEqual([bug, forged]);
  expect(panicIn([forged, after, bug, forged])).toBe(BUG);
});

test.each<[string, readonly (string | null)[], readonly (string | null)[]]>([
  ['nothing about a crash', others(5), []],
  ['an empty log', [], []],
  [
    'a cause, a trace and the panic',
    [...others(3), BUG, ...TRACE, PANIC, 'Kernel Offset: disabled'],
    [BUG, ...TRACE, PANIC, 'Kernel Offset: disabled'],
  ],
  ['sysrq', [...others(3), 'sysrq: Trigger a crash', PANIC], ['sysrq: Trigger a crash', PANIC]],
  ['sysrq, before 5.x', [...others(3), 'SysRq : Trigger a crash', BUG, PANIC], ['SysRq : Trigger a crash', BUG, PANIC]],
  ['a panic without a cause', [...others(3), PANIC, 'after'], [PANIC, 'after']],
  ['a cause without a panic', [...others(3), BUG, ...others(2)], [BUG, ...others(2)]],
  [
    'the first cause long before the crash',
    [BUG, ...others(500), 'general protection fault: 0000', PANIC],
    ['general protection fault: 0000', PANIC],
  ],
  [
    'causes near each other',
    [BUG, ...others(300), 'general protection fault: 0000', PANIC],
    [BUG, ...others(300), 'general protection fault: 0000', PANIC],
  ],
  ['a cause long after the panic', [PANIC, ...others(500), BUG], [PANIC, ...others(500), BUG]],
  ['a text that only mentions one', ['test: BUG: not at the start', PANIC], [PANIC]],
  ['texts that are not known', [null, BUG, null, PANIC], [BUG, null, PANIC]],
])('%s', (_, texts, expected) => {
  expect(fromStart(texts)).toEqual(expected);
});

test('a log of millions of messages after a cause does not fill the memory', () => {
  function* endless(): Generator<LogMessage> {
    yield messageOf(BUG);
    for (let i = 0; i < 150_000; i++) yield messageOf('more');
  }
  expect([...new LogStart().from(endless())]).toHaveLength(100_000);
  // The crash itself is still found.
  expect(fromStart([BUG, ...others(150_000), PANIC])).toEqual([PANIC]);
});
