// SPDX-License-Identifier: Apache-2.0
// Lines of kernel logs, as the format strings of the kernel's source make them.
import { expect, test } from '@jest/globals';
import { parseLogLine } from '../../../src/commands/log-lines.js';

test.each([
  ['Memory failure: 0x1a2b3: recovery action for dirty LRU page: Recovered', '1a2b3000'],
  [
    '[  123.456789] Memory failure: 0x141b9d: Sending SIGBUS to qemu-system-x86:136 due to hardware memory corruption',
    '141b9d000',
  ],
  ['<3>[ 42.0] Memory failure: 0x8a398a: already hardware poisoned', '8a398a000'],
  ['Nov 26 07:40:01 host kernel: soft offline: 0x1a2b3: page already poisoned', '1a2b3000'],
  ['soft_offline: 0x1a2b3: hugepage migration failed 0, type 0x1a', '1a2b3000'],
  ['MCE 0x1a2b3: dirty LRU page recovery: Recovered', '1a2b3000'],
  ['Unpoison: Software-unpoisoned page 0x61234', '61234000'],
  ['Unpoison: Software-unpoisoned free page 0x61234', '61234000'],
  ['Injecting memory failure for pfn 0x18b00e at process virtual address 0x20ffd000', '18b00e000'],
  ['Soft offlining pfn 0x14853 at process virtual address 0x3fff88410000', '14853000'],
  ['BUG: Bad page state in process page-types  pfn:18000', '18000000'],
  ['page: refcount:0 mapcount:0 mapping:0000000000000000 index:0x0 pfn:0x1a2b3', '1a2b3000'],
  [
    'EDAC MC0: 1 CE memory read error on CPU_SrcID#0 (channel:0 slot:0 page:0x1a2b3 offset:0x44 grain:32 syndrome:0x0)',
    '1a2b3044',
  ],
  ['mce: [Hardware Error]: TSC 0 ADDR 1a2b3c440 MISC 86', '1a2b3c440'],
  ['[ 1234.567890] mce: [Hardware Error]: TSC 1b4f2c9a0 ADDR 1a2b3c440 SYND 4d000000 IPID 9600050f00', '1a2b3c440'],
  ['[Hardware Error]: Error Addr: 0x1, ADDR: 0x1A2B3C440', '1a2b3c440'],
  ['mce: Uncorrected hardware memory error in user-access at 8a398a400', '8a398a400'],
  ['{1}[Hardware Error]:   physical_address: 0x00000008a398a400', '8a398a400'],
])('%s', (line, digits) => {
  expect(parseLogLine(line)?.digits).toBe(digits);
  const { frame, offset } = parseLogLine(line) ?? {};
  expect((frame ?? 0) * 4096 + (offset ?? 0)).toBe(Number.parseInt(digits, 16));
});

test.each([
  '',
  'mce: [Hardware Error]: PROCESSOR 2:800f12 TIME 1700000000 SOCKET 0 APIC 0 microcode 8001250',
  'Memory failure: tk->addr = 7f5bb6601000',
  'Memory failure: address edbe201: call dev_pagemap_mapping_shift',
  'mce: [Hardware Error]: TSC 0 ADDR nothing',
  'pfn:1a2b3x',
  'i8042: ADDR 1a2b3c440',
])('not: %s', (line) => {
  expect(parseLogLine(line)).toBeNull();
});

test('a number that is too large is above every frame', () => {
  expect(parseLogLine('Memory failure: 0xfffffffffffff: x')?.frame).toBeNull();
});
