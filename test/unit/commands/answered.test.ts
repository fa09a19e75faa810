// SPDX-License-Identifier: Apache-2.0
// The text of what neighbouring answers have in common is kept: it must be written anew whenever one member differs.
import { expect, test } from '@jest/globals';
import { Answered, translation } from '../../../src/commands/answered.js';
import type { Selected } from '../../../src/kvm/select.js';
import { jsonLines } from '../../../src/report/records.js';
import type { Answer } from '../../../src/translate/answer.js';

const slot = { id: 5, first: 256, pages: 512, hva: 0x7f00_0000_0000n, flags: 0, internal: false } as Answer['slot'];
const steps = [{ level: 'PMD', address: 0x5c968b8, hi: 0, lo: 0x80 }];
const swapped: Answer = {
  state: 'swapped',
  reason: 'swap-entry',
  message: 'swapped out',
  slot,
  page: 0x7f000,
  offset: 0,
  frame: 1,
  pageSize: null,
  protNone: false,
  steps,
  swap: { type: 0, offset: 1, device: null },
};
const mapped: Answer = { ...swapped, state: 'mapped', reason: null, message: null, pageSize: 4096, swap: null };

/** Answers with the first one's member replaced, and another one's page tables. */
const others: readonly Answer[] = [
  { ...swapped, state: 'not-present' },
  { ...swapped, reason: 'shmem-swapped' },
  { ...swapped, message: 'swapped out; it is also in memory' },
  { ...swapped, slot: { ...slot, id: 6 } as Answer['slot'] },
  { ...swapped, frame: 2 },
  { ...swapped, pageSize: 4096 },
  { ...swapped, protNone: true },
  { ...swapped, steps: [{ ...steps[0], lo: 0x82 }] as Answer['steps'] },
  { ...swapped, swap: { type: 0, offset: 2, device: null } },
  { ...swapped, page: 0x7f001, offset: 8 },
  mapped,
  { ...mapped, frame: 2 },
  { ...mapped, pageSize: 2 ** 21 },
  { ...mapped, protNone: true },
  { ...mapped, slot: { ...slot, id: 6 } as Answer['slot'] },
  { ...mapped, steps: [{ ...steps[0], lo: 0x82 }] as Answer['steps'] },
];

const holder = { pid: 136, fd: 9, vm: { address: 0xffff_8e46_843c_0000n } } as unknown as Selected;
const written = (answers: readonly Answer[]): unknown => {
  const [answered, writer] = [new Answered(holder, 0), jsonLines([translation])];
  return answers.map((answer) => writer.row(answered.set('1000', answer))).at(-1);
};

test.each(others.map((other, i) => ({ other, i })))('one member differs: $i', ({ other }) => {
  expect(written([swapped, other])).toBe(written([other]));
  expect(written([other, other, swapped])).toBe(written([swapped]));
  expect(written([mapped, other])).toBe(written([other]));
  expect(written([other, mapped])).toBe(written([mapped]));
});
