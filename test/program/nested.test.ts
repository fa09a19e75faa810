// SPDX-License-Identifier: Apache-2.0
// Guests of a guest. In the fixture, a program in the guest alpha runs two VMs; nested.json has what it said of their pages, by its
// own pagemap, and what the host's pagemap said of alpha's. The answers must be the two put together.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { lineProblems, recordProblems } from '../build/schema.js';
import { FIXTURES, kvmVtop, type Run } from '../run.js';

const FOLDER = join(FIXTURES, 'debian-6.12-nested');
const DUMP = join(FOLDER, 'vmcore.kdump');
const PAGE = 4096n;

/** Pages that follow each other, in the VM and in the guest. */
interface VmRun {
  readonly gpa: string;
  readonly hva: string;
  readonly own: string | null;
  readonly pages: number;
}
interface Truth {
  readonly guest: string;
  readonly vms: readonly {
    readonly name: string;
    readonly pid: number;
    readonly fd: number;
    readonly runs: readonly VmRun[];
  }[];
  readonly host: readonly {
    readonly gpa: string;
    readonly hva: string;
    readonly hpa: string;
    readonly pages: number;
  }[];
}
const { guest, vms, host } = JSON.parse(readFileSync(join(FOLDER, 'nested.json'), 'utf8')) as Truth;

const hex = (address: bigint): string => `0x${address.toString(16)}`;
const at = (address: string, page: number): string => hex(BigInt(address) + BigInt(page) * PAGE);
const each = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Where the host had each page of the guest. */
const outer = new Map(
  host.flatMap(({ gpa, hva, hpa, pages }) =>
    each(pages).map((i) => [at(gpa, i), { hva: at(hva, i), hpa: at(hpa, i) }]),
  ),
);
const pagesOf = ({ runs }: Truth['vms'][number]) =>
  runs.flatMap(({ gpa, hva, own, pages }) =>
    each(pages).map((i) => ({ gpa: at(gpa, i), hva: at(hva, i), own: own === null ? null : at(own, i) })),
  );

type Line = Readonly<Record<string, unknown>> & { readonly record: string };
interface Answer extends Line {
  readonly walk: readonly unknown[];
  readonly through: readonly (Readonly<Record<string, unknown>> & { readonly walk: readonly unknown[] })[];
}
const linesOf = <T = Line>({ stdout }: Run): T[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
const inside = ['-c', DUMP, '--guest', guest];

test('vms: the VMs in the guest', () => {
  const run = kvmVtop(['vms', ...inside, '--json']);
  expect([run.status, run.stderr]).toEqual([0, '']);
  const rows = linesOf(run);
  expect(rows.map((row) => recordProblems(row))).toEqual(rows.map(() => null));
  expect(rows.map(({ pid, holders }) => ({ pid, holders }))).toEqual(
    vms.map(({ pid, fd }) => ({ pid, holders: [{ pid, comm: 'nest', fd }] })),
  );
});

// The first vCPU of the guest was running a VM in it: the host has the registers of that VM for it, with paging off.
test('--cr3: the kind of page tables is not that of a VM in the guest', () => {
  // What its other vCPU was to execute next.
  const gva = 'ffffffff85d0356f';
  type Vcpu = Line & { readonly registers: { readonly cr3: string } };
  const vcpus = linesOf<Vcpu>(kvmVtop(['vcpus', '-c', DUMP, '-g', guest, '--json']));
  const vcpu = vcpus.find(({ nestedGuest }) => nestedGuest === false);
  const own = kvmVtop(['-c', DUMP, '-g', guest, '--json', '--gva', gva, '--vcpu', '1']);
  expect(linesOf(own)).toMatchObject([{ gva: hex(BigInt(`0x${gva}`)), gpa: '0x610356f', state: 'mapped' }]);
  const given = ['-c', DUMP, '-g', guest, '--json', '--gva', '--cr3', vcpu?.registers.cr3 ?? ''];
  expect(linesOf(kvmVtop([...given, '-p', gva]))).toEqual(linesOf(own));
  // Not an address of the guest's kernel, which would be the same as the physical one without paging.
  expect(linesOf(kvmVtop([...given, '-p', '401000']))).not.toMatchObject([{ gpa: '0x401000' }]);
});

// Both VMs are in one process, whose page tables the first vCPU of the guest had when it began to run one of them.
test.each([[['--vcpu', '0']], [[]]])(
  '--gva %j: the tables of the guest, not those of the VM that its vCPU was running',
  (which) => {
    const pages = vms.flatMap(pagesOf).filter(({ own }) => own !== null);
    const choice = ['-c', DUMP, '-g', guest, '--json', '--gva', ...which, '-p', '-'];
    const run = kvmVtop(choice, pages.map((page) => `${page.hva}\n`).join(''));
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(linesOf(run).map(({ gva, gpa, hva, hpa }) => ({ gva, gpa, hva, hpa }))).toEqual(
      pages.map(({ hva, own }) => ({ gva: hva, gpa: own, ...outer.get(own as string) })),
    );
  },
);

// Without the structures of the module, bits of hflags can have either of two meanings.
test('--gva: not by a vCPU of which it is not known whether it was running a VM of the guest', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nested-'));
  const layout = JSON.parse(
    readFileSync(join(FIXTURES, '..', 'src', 'layouts', '6.12.107+deb13-amd64.json'), 'utf8'),
  ) as { structs: Record<string, unknown> };
  Object.assign(layout.structs, { x86_emulate_ops: null, vcpu_svm: null, kvm_lapic: null, kvm_x86_ops: null });
  const file = join(folder, 'layout.json');
  writeFileSync(file, JSON.stringify(layout));
  const asked = (vcpu: string) =>
    kvmVtop(['-c', DUMP, '-g', guest, '--types', 'layout', '--layout', file, '--gva', '401000', '--vcpu', vcpu]);
  const [nested, own] = [asked('0'), asked('1')];
  rmSync(folder, { recursive: true });
  expect([nested.status, nested.stdout]).toEqual([2, '']);
  expect(nested.stderr).toMatch(/vCPU 0: type information .* struct x86_emulate_ops: it may have been running a guest/);
  // No bit is set, whatever it means.
  expect(own.stderr).not.toMatch(/x86_emulate_ops/);
});

describe.each(vms)('the VM $name', (vm) => {
  const { pid, fd } = vm;
  const pages = pagesOf(vm);
  const choice = [...inside, '-g', `${pid}`, '--vm', `${fd}`];
  const present = pages.filter(({ own }) => own !== null);

  test('every page: HVA and HPA in the guest, and HVA and HPA of that in the host', () => {
    const run = kvmVtop([...choice, '--json', '-p', '-'], pages.map(({ gpa }) => `${gpa}\n`).join(''));
    const answers = linesOf<Answer>(run);
    expect(answers.map(lineProblems)).toEqual(answers.map(() => null));
    expect(
      answers.map(({ gpa, hva, hpa, state, through }) => ({
        ...{ gpa, hva, hpa, state },
        through: through.map((next) => [next.gpa, next.hva, next.hpa, next.state]),
      })),
    ).toEqual(
      pages.map(({ gpa, hva, own }) => {
        const next = own === null ? undefined : outer.get(own);
        return {
          ...{ gpa, hva, hpa: own, state: own === null ? 'not-present' : 'mapped' },
          through: next === undefined ? [] : [[own, next.hva, next.hpa, 'mapped']],
        };
      }),
    );
    // The tables of both kernels: 4 levels each, less where an entry maps 2 MiB.
    const depths = new Set(
      answers.flatMap(({ walk, through }) => through.map((next) => [walk.length, next.walk.length].join())),
    );
    expect([...depths].every((depth) => /^[34],[34]$/.test(depth))).toBe(true);
    expect(run.status).toBe(present.length === pages.length ? 0 : 1);
    expect(present.length).toBeGreaterThan(700);
  });

  test('the answer of the host alone for the address in the guest is the same', () => {
    const some = present.filter((_, i) => i % 97 === 0);
    const [nested, direct] = [
      kvmVtop([...choice, '--json', '-p', ...some.map(({ gpa }) => gpa)]),
      kvmVtop(['-c', DUMP, '-g', guest, '--json', '-p', ...some.map(({ own }) => own as string)]),
    ];
    const members = ({ gpa, hva, hpa, state, reason, message, pageSize, walk }: Line) => ({
      ...{ gpa, hva, hpa, state, reason, message, pageSize, walk },
    });
    expect(linesOf<Answer>(nested).map(({ through: [next] }) => next)).toEqual(linesOf(direct).map(members));
    expect(some.length).toBeGreaterThan(7);
  });

  test('read: what the program wrote to each page, and then the vCPU of the VM', () => {
    const mark = (0x6c32n << 48n) | (BigInt(vms.indexOf(vm) + 1) << 40n);
    const run = kvmVtop(['read', ...choice, '-p', ...present.map(({ gpa }) => `${gpa}+10`)]);
    expect([run.status, run.stderr]).toEqual([0, '']);
    const found = run.stdout.split('\n').map((line) =>
      line
        .slice(line.indexOf(': ') + 2)
        .slice(0, 39)
        .replaceAll(' ', ''),
    );
    const word = (value: bigint, bytes: number): string => {
      const digits = BigInt.asUintN(bytes * 8, value)
        .toString(16)
        .padStart(bytes * 2, '0');
      return (digits.match(/../g) ?? []).reverse().join('');
    };
    expect(found.slice(0, -1)).toEqual(
      present.map(({ gpa }) => {
        const address = BigInt(gpa);
        const program = word(mark + address, 8);
        // The memory above 4 GiB is read-only for the VM.
        return address >= 1n << 32n
          ? `${program}${'0'.repeat(16)}`
          : `${program}${word(address, 4)}${word(~address, 4)}`;
      }),
    );
  });

  test("npt: KVM's page tables in the guest agree on every page that they map", () => {
    const run = kvmVtop(['npt', ...choice, '--json']);
    const [total, ...others] = linesOf(run);
    expect([run.status, others]).toEqual([0, []]);
    expect(total).toMatchObject({ kind: 'NPT', disagreeing: 0, complete: true, problems: [] });
    expect(total?.agreeing).toBe(total?.mapped);
    expect(Number(total?.mapped)).toBeGreaterThan(2 ** 21);
  });

  test('text: the answer of each machine, from the nearest to the host of the dump', () => {
    const [page] = present.slice(-1) as [(typeof present)[number]];
    const { status, stdout, stderr } = kvmVtop([...choice, '-p', page.gpa]);
    expect([status, stderr]).toEqual([0, '']);
    const next = outer.get(page.own ?? '');
    const rows = stdout.split('\n').flatMap((line, i, all) => (line.startsWith('GUEST PHYSICAL') ? [all[i + 1]] : []));
    expect(rows.map((row) => row?.trim().split(/ +/))).toEqual(
      [
        [page.gpa, page.hva, page.own],
        [page.own, next?.hva, next?.hpa],
      ].map((row) => row.map((address) => (address ?? '').slice(2))),
    );
  });
});

test('a vCPU of the guest was running a VM: it has the registers of that, and does not hide the guest', () => {
  const [running, waiting] = linesOf(kvmVtop(['vcpus', '-c', DUMP, '-g', guest, '--json']));
  // What the program put into RBX: the number of the VM is added.
  expect(running).toMatchObject({ nestedGuest: true, registers: { rbx: '0x1234567890abcdf1' } });
  expect(waiting).toMatchObject({ nestedGuest: false });
});
