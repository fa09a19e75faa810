// SPDX-License-Identifier: Apache-2.0
// Answers as objects: what the hosts' kernels and QEMU reported, and what --json prints for the same addresses.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { perform } from '../../../src/commands/perform.js';
import { requestFor } from '../../../src/commands/vtop.js';
import { type Answer, Dump, openDump, STATES } from '../../../src/index.js';
import { type OpenDump, openDump as openHost } from '../../../src/open.js';
import { DUMP } from '../../build/alpha.js';
import { kept } from '../../build/altered.js';
import { FIXTURES, fixtures } from '../../run.js';

interface Case {
  readonly gpa: string;
  readonly hva: string | null;
  readonly hpa: string | null;
  readonly state: string;
  readonly protNone: boolean;
}
interface Question {
  readonly name: string;
  readonly process: string;
  readonly vm: string | null;
  readonly addressSpace: number;
  readonly cases: readonly Case[];
}

const hex = (value: bigint | number | null): string | null => (value === null ? null : `0x${value.toString(16)}`);

/** The members of a line of --json that are about the address. */
const asJson = ({ gpa, hva, hpa, frame, slot, walk, ...rest }: Answer) => ({
  ...rest,
  gpa: hex(gpa),
  hva: hex(hva),
  hpa: hex(hpa),
  frame: hex(frame),
  slot: slot === null ? null : { ...slot, gpa: hex(slot.gpa), hva: hex(slot.hva) },
  walk: walk.map(({ level, address, entry }) => ({ level, address: hex(address), entry: hex(entry) })),
});

/** The lines of --json for these addresses. */
async function lines(opened: OpenDump, { process, vm, addressSpace }: Question, addresses: readonly string[]) {
  const streams = kept();
  await perform(requestFor({ process, vm, addressSpace, addresses }), opened, 'json', streams);
  return streams.out
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe.each(fixtures())('%s', (fixture) => {
  const path = join(FIXTURES, fixture, 'vmcore.kdump');
  const { questions } = JSON.parse(readFileSync(join(FIXTURES, fixture, 'facts.json'), 'utf8')) as {
    questions: Question[];
  };

  test.each(questions)('$name, address space $addressSpace', async (question) => {
    const { process, vm: choice, addressSpace, cases } = question;
    const opened = await openHost(path);
    const vm = Dump.of(opened).vm(process, { vm: choice });
    const translator = vm.translator(addressSpace);
    const answers = cases.map(({ gpa }) => vm.translate(BigInt(gpa), addressSpace));
    expect(
      answers.map(asJson).map(({ gpa, hva, hpa, state, protNone }) => ({ gpa, hva, hpa, state, protNone })),
    ).toEqual(cases.map(({ gpa, hva, hpa, state, protNone }) => ({ gpa, hva, hpa, state, protNone })));
    for (const answer of answers) {
      const frame = Number(answer.gpa / 4096n);
      const page = vm.translate(BigInt(frame) * 4096n, addressSpace);
      expect(translator.translate(frame)).toBe(answer.state);
      expect(translator.answer()).toEqual(page);
      expect({
        state: translator.state,
        reason: translator.reason,
        pageSize: translator.pageSize,
        hva: translator.page === null ? null : BigInt(translator.page) * 4096n,
        frame: translator.frame,
      }).toEqual({
        state: page.state,
        reason: page.reason,
        pageSize: page.pageSize,
        hva: page.hva,
        frame: page.hpa === null ? page.frame : Number(page.hpa / 4096n),
      });
    }
    const few = cases.map(({ gpa }) => gpa).filter((_, i) => i % 7 === 0);
    const told = await lines(opened, question, few);
    opened.close();
    const about = { pid: vm.pid, vm: { fd: vm.fd, kvm: hex(vm.kvm) }, addressSpace };
    expect(answers.filter((_, i) => i % 7 === 0).map((answer) => ({ ...asJson(answer), ...about }))).toEqual(told);
  });
});

test('addresses in every form, and beyond the physical address space', async () => {
  const vm = (await openDump(DUMP)).vm(136);
  const answer = vm.translate(0x1001840n);
  expect(answer).toMatchObject({ state: 'mapped', hva: 0x7f5763e01840n, hpa: 0xf601840n, pageSize: 2 ** 21 });
  expect(vm.translate(0x1001840)).toEqual(answer);
  for (const gpa of [2n ** 52n, 2n ** 64n + 5n, 2n ** 2000n])
    expect(vm.translate(gpa)).toMatchObject({ gpa, state: 'no-memslot', reason: 'beyond-physical', walk: [] });
  for (const gpa of [-1n, -1, 0.5, NaN, Infinity, 2 ** 53])
    expect(() => vm.translate(gpa)).toThrow(`${gpa} is not a guest physical address`);
});

test('numbers that are not frames are refused, and not taken for a frame of a memslot', async () => {
  const vm = (await openDump(DUMP)).vm(136);
  const translator = vm.translator();
  expect(translator.translate(0x1001)).toBe('mapped');
  for (const frame of [-1, 0.5, NaN, Infinity, 2 ** 53])
    expect(() => translator.translate(frame)).toThrow(`${frame} is not a frame number`);
  expect([translator.translate(2 ** 40), translator.reason]).toEqual(['no-memslot', 'beyond-physical']);
});

test('a translator starts with frame 0', async () => {
  const vm = (await openDump(DUMP)).vm(136);
  const translator = vm.translator();
  expect(translator.answer()).toEqual(vm.translate(0));
});

test('an address space that does not exist', async () => {
  const vm = (await openDump(DUMP)).vm(136);
  expect(vm.addressSpaces).toBe(2);
  for (const ask of [() => vm.translate(0, 2), () => vm.translator(2), () => vm.slots(2)])
    expect(ask).toThrow('address space 2 does not exist; valid: 0, 1');
});

test('every answer has one of the listed states', async () => {
  const vm = (await openDump(DUMP)).vm(136);
  expect(STATES).toContain(vm.translate(0xfee00000).state);
});
