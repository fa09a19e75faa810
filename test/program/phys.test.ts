// SPDX-License-Identifier: Apache-2.0
// kvm-vtop phys: physical memory in the dump, and how missing bytes are shown.
import { describe, expect, test } from '@jest/globals';
import { DUMP } from '../build/alpha.js';
import { elfCore } from '../build/files.js';
import { scratch } from '../build/scratch.js';
import { kvmVtop } from '../run.js';

const { file } = scratch('phys');

describe('phys', () => {
  const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => i & 0xff));
  const path = file(
    elfCore({
      segments: [
        { paddr: 0x1000, bytes },
        { paddr: 0x3000, bytes: bytes.subarray(0, 20), memsz: 4096 },
      ],
    }),
    'phys',
  );
  const ask = (...words: string[]) => kvmVtop(['phys', '-c', path, ...words]);

  test('rows as xxd prints them', () => {
    expect(ask('103e', '-n', '37')).toEqual({
      status: 0,
      stderr: '',
      stdout:
        '0000103e: 3e3f 4041 4243 4445 4647 4849 4a4b 4c4d  >?@ABCDEFGHIJKLM\n' +
        '0000104e: 4e4f 5051 5253 5455 5657 5859 5a5b 5c5d  NOPQRSTUVWXYZ[\\]\n' +
        '0000105e: 5e5f 6061 62                             ^_`ab\n',
    });
  });

  test('missing bytes, with the reason', () => {
    expect(ask('1ff8', '-n', '0x1030')).toEqual({
      status: 1,
      stderr: '',
      stdout:
        '00001ff8: f8f9 fafb fcfd feff                      ........\n' +
        '00002000: -- 4096 bytes outside: no segment of the dump covers this frame\n' +
        '00003000: 0001 0203 0405 0607 0809 0a0b 0c0d 0e0f  ................\n' +
        '00003010: 1011 1213                                ....\n' +
        '00003014: -- 20 bytes excluded: the dump has no contents for this frame (p_filesz ends before it)\n',
    });
    expect(ask('5000', '-n', '10000000')).toEqual({
      status: 2,
      stderr: '',
      stdout: '00005000: -- 10000000 bytes outside: no segment of the dump covers this frame\n',
    });
  });

  test('--binary writes all bytes or nothing', () => {
    expect(Buffer.from(kvmVtop(['phys', '-c', path, '1020', '-n', '16', '--binary']).stdout, 'latin1')).toEqual(
      bytes.subarray(0x20, 0x30),
    );
    expect(ask('1ff8', '-n', '16', '--binary')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /^kvm-vtop: 0x8 bytes at 0x2000 are not in the dump: no segment .*; nothing was written;/,
      ),
    });
  });

  test('an excerpt contains the page-table entry of the answer', () => {
    const run = kvmVtop(['phys', '-c', DUMP, '5c968f8', '-n', '8']);
    expect(run.stdout).toBe('05c968f8: e708 600f 0000 0080                      ..`.....\n');
  });
});
