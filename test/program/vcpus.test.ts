// SPDX-License-Identifier: Apache-2.0
// Each folder of fixtures/ with a vcpus.json is a host whose vCPUs are known: QEMU's monitor printed their registers and
// threads, just before the host crashed and while the guests stood still.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { qemuCpus } from '../build/info-registers.js';
import { scratch } from '../build/scratch.js';
import type { JsonRow } from '../build/vcpus.js';
import { FIXTURES, kvmVtop, ROOT } from '../run.js';

interface Guest {
  readonly name: string;
  readonly pid: number;
  readonly threads: readonly number[];
}

const hosts = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'vcpus.json')));
const textOf = (...path: readonly string[]): string => readFileSync(join(...path), 'latin1');
const validate = new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(
  JSON.parse(textOf(ROOT, 'docs', 'schemas', 'vcpu.schema.json')) as object,
);
/** On an Intel host, what the VMCS has. */
const IN_VMCS = ['rflags', 'cs', 'ss', 'ds', 'es', 'fs', 'gs', 'ldtr', 'tr', 'gdtr', 'idtr'];

test('there are hosts of AMD and Intel, with the vCPUs in an array and in an XArray', () => {
  expect(hosts).toEqual(['debian-5.10-vms', 'debian-6.12-intel-vms', 'debian-7.2-vms']);
});

describe.each(hosts)('%s', (name) => {
  const folder = join(FIXTURES, name);
  const dump = join(folder, 'vmcore.kdump');
  const guests = JSON.parse(textOf(folder, 'vcpus.json')) as Guest[];
  const isIntel = name.includes('intel');
  const unknown = isIntel ? IN_VMCS : [];

  test.each(guests)('$name: the JSON is what QEMU said of every register', ({ name: guest, pid, threads }) => {
    const run = kvmVtop(['vcpus', '-c', dump, '-g', String(pid), '--json']);
    expect([run.status, run.stderr]).toEqual([0, '']);
    const rows = run.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonRow);
    for (const row of rows) expect(validate(row) ? null : validate.errors).toBeNull();
    const cpus = qemuCpus(textOf(folder, `registers-${guest}.txt`));
    expect(cpus).toHaveLength(threads.length);
    expect(rows.map(({ pid: own, id, index, thread, mode }) => ({ pid: own, id, index, thread, mode }))).toEqual(
      threads.map((thread, i) => ({ pid, id: i, index: i, thread, mode: 'outside' })),
    );
    cpus.forEach(({ registers, halted, smm }, i) => {
      const row = rows[i] as JsonRow;
      const wanted = { ...registers, ...Object.fromEntries(unknown.map((register) => [register, null])) };
      expect(Object.keys(wanted)).toHaveLength(16 + 2 + 5 + 8 + 2 + 6);
      expect(row).toMatchObject({
        registers: wanted,
        smm,
        nestedGuest: false,
        mpState: halted ? 'halted' : 'runnable',
      });
      const sources = row.sources as Readonly<Record<string, string | null>>;
      for (const register of Object.keys(wanted)) expect(sources[register] === null).toBe(unknown.includes(register));
      expect(row.problems).toEqual(isIntel ? [expect.stringContaining(unknown.join(', '))] : []);
    });
  });

  test.each(guests)("$name: the text is QEMU's, except what is not known", ({ name: guest, pid }) => {
    const { stdout } = kvmVtop(['vcpus', '-c', dump, '-g', String(pid)]);
    const parts = stdout.split(/^(?=CPU#)/m).slice(1);
    const cpus = qemuCpus(textOf(folder, `registers-${guest}.txt`));
    expect(parts).toHaveLength(cpus.length);
    cpus.forEach(({ lines }, i) => {
      const own = (parts[i] as string).split('\n').slice(0, lines.length);
      if (!isIntel) expect(own).toEqual(lines);
      else expect(own).toEqual(lines.map((line, at) => masked(line, own[at] as string)));
    });
  });
});

describe('the types of module kvm_amd, on a host whose modules have none', () => {
  const dump = join(FIXTURES, 'debian-5.10-vms', 'vmcore.kdump');
  const { file: write } = scratch('vcpus');
  const shipped = (): Record<string, unknown> & { structs: Record<string, unknown> } =>
    JSON.parse(textOf(ROOT, 'src', 'layouts', '5.10.0-32-amd64.json')) as never;
  const ask = (...options: string[]) => {
    const { status, stdout, stderr } = kvmVtop(['vcpus', '-c', dump, '-g', '138', '--json', ...options]);
    return { status, stderr, row: status === 2 ? null : (JSON.parse(stdout) as JsonRow) };
  };

  test('without them, what kvm_vcpu has is answered; problems and a warning say what is missing', () => {
    const { status, stderr, row } = ask('--types', 'btf');
    expect(status).toBe(0);
    expect(row?.registers).toMatchObject({ rip: ask().row?.registers.rip, rflags: null, cs: null, gdtr: null });
    expect(row?.problems).toContainEqual(expect.stringMatching(/^rflags, .* does not describe struct vcpu_svm/));
    expect(stderr).toMatch(/not all registers are known: .*; use --kvm-amd-module .*; use --layout/);
  });

  test.each<[string, (profile: ReturnType<typeof shipped>) => void]>([
    ['was not asked for', ({ structs }) => delete structs.vcpu_svm],
    [
      'is of another size',
      ({ structs }) => Object.assign((structs.vcpu_svm as { members: { vcpu: object } }).members.vcpu, { size: 8 }),
    ],
  ])('a profile in which vcpu_svm %s: the registers of the VMCB are null', (_what, change) => {
    const profile = shipped();
    change(profile);
    const { status, row } = ask('--layout', write(JSON.stringify(profile)));
    expect(status).toBe(0);
    expect(row).toMatchObject({ registers: { rflags: null, cs: null } });
    expect(row?.problems).toContainEqual(expect.stringMatching(/^rflags, .* does not describe /));
  });

  test('a profile of another build of kvm_amd is refused, and used where that module does not matter', () => {
    const path = write(JSON.stringify({ ...shipped(), kvmAmdBuildId: 'ab'.repeat(20) }));
    const refused = ask('--layout', path);
    expect([refused.status, refused.row]).toEqual([2, null]);
    expect(refused.stderr).toMatch(/is from another build: build-id (ab){20}, but the module kvm_amd in the dump has /);
    const slots = ['slots', '-c', dump, '-g', '138', '--json'];
    expect(kvmVtop([...slots, '--layout', path])).toEqual(kvmVtop(slots));
  });

  test('what a profile says of kvm_amd does not matter on an Intel host', () => {
    const intel = join(FIXTURES, 'debian-6.12-intel-vms', 'vmcore.kdump');
    const profile = textOf(ROOT, 'src', 'layouts', '6.12.107+deb13-amd64.json');
    const path = write(profile.replace(/"kvmAmdBuildId": "\w+"/, `"kvmAmdBuildId": "${'ab'.repeat(20)}"`));
    const args = ['vcpus', '-c', intel, '--json'];
    expect(kvmVtop([...args, '--layout', path])).toEqual(kvmVtop(args));
  });
});

/** QEMU's line with dashes where the program has dashes. It ends where the program says no more of a segment. */
function masked(line: string, own: string): string {
  const letters = Array.from(line)
    .map((letter, i) => (own[i] === '-' ? '-' : letter))
    .join('');
  return /^\w+ *=-/.test(own) ? letters.slice(0, own.length) : letters;
}
