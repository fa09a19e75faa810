// SPDX-License-Identifier: Apache-2.0
// Profiles that lack a record, as if written before kvm-vtop asked for that member: no answer is wrong.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { views } from '../../src/commands/views.js';
import { gfn } from '../../src/core/address.js';
import { DumpError, UsageError } from '../../src/core/errors.js';
import type { BesideOptions } from '../../src/debuginfo/beside-options.js';
import { selectVm } from '../../src/kvm/select.js';
import { openDump } from '../../src/open.js';
import { GuestTranslator } from '../../src/translate/translator.js';
import { FIXTURES, ROOT } from '../run.js';

interface Profile {
  readonly structs: Record<string, { members: Record<string, unknown> } | null>;
  readonly enums: Record<string, unknown>;
}

interface Question {
  readonly name: string;
  readonly process: string;
  readonly vm: string | null;
  readonly addressSpace: number;
  readonly cases: readonly { readonly gpa: string; readonly state: string; readonly hpa: string | null }[];
}

const RELEASES = [
  { release: '5.10.0-32-amd64', fixtures: ['debian-5.10'] },
  { release: '6.1.0-50-amd64', fixtures: ['debian-6.1'] },
  { release: '6.12.107+deb13-amd64', fixtures: ['debian-6.12', 'debian-6.12-states'] },
  { release: '7.2.13+deb14-amd64', fixtures: ['debian-7.2', 'debian-7.2-states'] },
];
/** States that mean that the answer is unknown. */
const HONEST = new Set(['table-missing', 'damaged', 'slots-missing']);
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-omission-'));
const profileOf = (release: string): Profile =>
  JSON.parse(readFileSync(join(ROOT, 'src', 'layouts', `${release}.json`), 'utf8')) as Profile;
const questionsOf = (fixture: string): Question[] =>
  (JSON.parse(readFileSync(join(FIXTURES, fixture, 'facts.json'), 'utf8')) as { questions: Question[] }).questions;

/** Every eighth address of each VM, which includes every kind of page. */
const sampleOf = (fixture: string): Question[] =>
  questionsOf(fixture).map((question) => ({ ...question, cases: question.cases.filter((_, i) => i % 8 === 0) }));

/** Members that some kernels lack or replace, so that their absence has a meaning. */
const isOptional = (struct: string, path: string): boolean =>
  views().some(
    (view) =>
      view.struct === struct &&
      Object.values(view.wants).some(
        ({ optional, names }) =>
          (optional || names.length > 1) && names.some((name) => `${name}.`.startsWith(`${path}.`)),
      ),
  );

/** The parts of a profile that may be missing: `struct.member`, a structure that the kernel lacks, an enumeration. */
function partsOf({ structs, enums }: Profile): string[] {
  const members = Object.entries(structs).flatMap(([struct, record]) =>
    record === null
      ? [struct]
      : Object.entries(record.members)
          .filter(([path, member]) => member === null || isOptional(struct, path))
          .map(([path]) => `${struct}.${path}`),
  );
  return [...members, ...Object.keys(enums)];
}

/** Writes the profile without one of them to a file. */
function without({ structs, enums, ...rest }: Profile, part: string): string {
  const keep = (prefix: string) => (name: string) => `${prefix}${name}` !== part;
  const less = {
    ...rest,
    structs: Object.fromEntries(
      Object.entries(only(structs, keep(''))).map(([struct, record]) => [
        struct,
        record && { ...record, members: only(record.members, keep(`${struct}.`)) },
      ]),
    ),
    enums: only(enums, keep('')),
  };
  const file = join(folder, `${part}.json`);
  writeFileSync(file, JSON.stringify(less));
  return file;
}

const only = <T>(record: Readonly<Record<string, T>>, keep: (name: string) => boolean): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => keep(name)));

/** The errors in the answers to a question; counts the right and the missing answers. */
async function judge(fixture: string, beside: Partial<BesideOptions>, questions = questionsOf(fixture)) {
  const found = { right: 0, untold: 0, wrong: [] as string[] };
  const untold = (count: number): void => {
    found.untold += count;
  };
  const opened = await openDump(join(FIXTURES, fixture, 'vmcore.kdump'), { beside }).catch((error: unknown) => {
    if (!(error instanceof DumpError)) throw error;
    return null;
  });
  for (const question of questions) {
    if (opened === null) untold(question.cases.length);
    else
      try {
        const { vm } = selectVm(opened.host, question.process, question.vm);
        const translator = new GuestTranslator(vm, question.addressSpace);
        for (const { gpa, state, hpa } of question.cases) {
          const address = Number(gpa);
          translator.translate(gfn(Math.floor(address / 4096)), address % 4096);
          const mapped =
            translator.state === 'mapped'
              ? `0x${((translator.frame as number) * 4096 + translator.offset).toString(16)}`
              : null;
          if (translator.state === state && mapped === hpa) found.right++;
          else if (HONEST.has(translator.state) || translator.reason === 'gmem-attribute-unreadable') untold(1);
          else
            found.wrong.push(
              `${question.name} ${gpa}: ${translator.state} ${mapped ?? ''}, right is ${state} ${hpa ?? ''}`,
            );
        }
      } catch (error) {
        // Without the descriptors of a process it is not known which of the VMs is meant.
        if (!(error instanceof DumpError || error instanceof UsageError)) throw error;
        untold(question.cases.length);
      }
  }
  opened?.close();
  return found;
}

describe.each(RELEASES)('the included profile of $release', ({ release, fixtures }) => {
  const profile = profileOf(release);

  test('complete: every answer is right', async () => {
    for (const fixture of fixtures) {
      const { right, untold, wrong } = await judge(fixture, { typesFrom: 'layout' });
      expect({ untold, wrong }).toEqual({ untold: 0, wrong: [] });
      expect(right).toBeGreaterThan(200);
    }
  });

  test.each(partsOf(profile))('without %s: no answer is wrong', async (part) => {
    const layout = without(profile, part);
    for (const fixture of fixtures) {
      const { wrong } = await judge(fixture, { typesFrom: 'layout', layout }, sampleOf(fixture));
      expect(wrong).toEqual([]);
    }
  });
});

test('a question that a profile does not answer goes to the next source, or is an error that says what to do', async () => {
  const layout = without(profileOf('7.2.13+deb14-amd64'), 'kvm_memory_slot.gmem');
  const [alone, withBtf] = [
    await judge('debian-7.2-states', { typesFrom: 'layout', layout }),
    await judge('debian-7.2-states', { layout }),
  ];
  expect(alone).toMatchObject({ right: 0, wrong: [] });
  expect(withBtf).toMatchObject({ untold: 0, wrong: [] });
  const { host, close } = await openDump(join(FIXTURES, 'debian-7.2-states', 'vmcore.kdump'), {
    beside: { typesFrom: 'layout', layout },
  });
  const [question] = questionsOf('debian-7.2-states') as [Question];
  const { vm } = selectVm(host, question.process, question.vm);
  expect(() => new GuestTranslator(vm, 0)).toThrow(
    /does not record whether the kernel has kvm_memory_slot\.gmem: the version that wrote it did not ask for that$/,
  );
  close();
});
