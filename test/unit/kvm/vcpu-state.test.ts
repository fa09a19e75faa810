// SPDX-License-Identifier: Apache-2.0
// What struct kvm_vcpu says of a vCPU besides its registers, also values that it can't have.
import { describe, expect, test } from '@jest/globals';
import { type Era, type JsonRow, kernelTypes, VcpuHost, type VcpuWish } from '../../build/vcpus.js';

const INTEL = { vendor: { name: 'kvm_intel' } };
const NOWHERE = 0xffff8880f0000000n;

/** The row of the only vCPU of a host. */
async function only(host: VcpuHost): Promise<JsonRow> {
  const { rows, code } = await host.ask();
  expect(rows).toHaveLength(1);
  expect(code).toBe(0);
  return rows[0] as JsonRow;
}

describe('the state of a vCPU', () => {
  const one = (wish: VcpuWish, era: Era = 'xarray', types = kernelTypes(era)): Promise<JsonRow> => {
    const host = new VcpuHost(era, { ...INTEL, types });
    host.vcpu(0, wish);
    return only(host);
  };

  // include/uapi/linux/kvm.h
  test.each([
    [0, 'runnable'],
    [1, 'uninitialized'],
    [2, 'init-received'],
    [3, 'halted'],
    [4, 'sipi-received'],
    [5, 'stopped'],
    [9, 'ap-reset-hold'],
    [10, 'suspended'],
  ])('KVM_MP_STATE %d is %s', async (value, mpState) => {
    expect(await one({ values: { 'arch.mp_state': value } })).toMatchObject({ mpState });
  });

  test.each<[string, string, number, string]>([
    ['mpState', 'arch.mp_state', 77, 'mpState: 77 is not a value that is known'],
    ['mode', 'mode', 99, 'mode: 99 is not a value that is known'],
    ['cpu', 'cpu', -5, 'cpu: -5 is not one of 8192 processors'],
    ['cpu', 'cpu', 8192, 'cpu: 8192 is not one of 8192 processors'],
  ])('a value of %s that is impossible is null, and the answer is incomplete', async (name, member, value, problem) => {
    const host = new VcpuHost('xarray', INTEL);
    host.vcpu(0, { values: { [member]: value } });
    const { rows, code, text } = await host.ask();
    expect(code).toBe(1);
    expect(rows[0]).toMatchObject({ [name]: null });
    expect(rows[0]?.problems).toContain(problem);
    expect(text).toContain(problem);
  });

  test('the processors of the host are counted', async () => {
    const host = new VcpuHost('xarray', INTEL);
    // Next to the other symbols of the kernel's image.
    const at = host.at('after_swap_info');
    host.symbol('Dnr_cpu_ids', at);
    host.u64(at, 4n);
    for (const cpu of [3, 4]) host.vcpu(cpu, { values: { cpu } });
    const { rows, code } = await host.ask();
    expect(code).toBe(1);
    expect(rows.map(({ cpu }) => cpu)).toEqual([3, null]);
  });

  test.each([
    [0, 'outside', false],
    [1, 'in-guest', true],
    [2, 'exiting', true],
    [3, 'reading-shadow-page-tables', false],
  ])('mode %d is %s; registers of the last exit are marked: %p', async (value, mode, isStale) => {
    const row = await one({ values: { mode: value, 'arch.regs[0]': 0x77n } });
    expect(row).toMatchObject({ mode, registers: { rax: '0x77' } });
    const marks = row.problems.filter((problem) => problem.includes('may be stale'));
    expect(marks).toEqual(isStale ? [expect.stringContaining(`mode: '${mode}' when the host crashed`)] : []);
  });

  // asm/kvm_host.h: bit 0 was HF_GIF_MASK up to 6.3, set on every vCPU of AMD.
  test.each([
    ['new', 0x1, { nestedGuest: true, smm: false }],
    ['new', 0x2, { nestedGuest: false, smm: true }],
    ['new', 0x60, { nestedGuest: false, smm: false }],
    ['old', 0x3, { nestedGuest: false, smm: false }],
    ['old', 0x20, { nestedGuest: true, smm: false }],
    ['old', 0x40, { nestedGuest: false, smm: true }],
  ] as const)('hflags in the %s numbering: %d', async (flags, hflags, state) => {
    const types = kernelTypes('xarray', flags);
    expect(await one({ values: { 'arch.hflags': hflags } }, 'xarray', types)).toMatchObject(state);
  });

  // Bits that are clear in both numberings have one meaning.
  test.each<[Era, number, boolean | null, boolean | null]>([
    ['array', 0x40, true, false],
    ['array', 0x21, false, true],
    ['xarray', 0x40, null, false],
    ['xarray', 0x20, false, null],
    ['xarray', 0x1, false, null],
    ['xarray', 0x9c, false, false],
  ])('without x86_emulate_ops, hflags in the era %s: 0x%x', async (era, hflags, smm, nestedGuest) => {
    const types = kernelTypes(era).replace(/x86_emulate_ops \{[^}]*\}\n/, '');
    const row = await one({ values: { 'arch.hflags': hflags } }, era, types);
    expect(row).toMatchObject({ smm, nestedGuest });
    const reasons = row.problems.filter((problem) => problem.includes('x86_emulate_ops'));
    const unknown = Object.entries({ smm, nestedGuest }).filter(([, value]) => value === null);
    expect(reasons).toEqual(unknown.map(([name]) => expect.stringMatching(`^${name}: `) as unknown));
  });

  test('no thread before it has run; a struct pid that cannot be read', async () => {
    expect(await one({})).toMatchObject({ thread: null, cpu: -1 });
    const host = new VcpuHost('xarray', INTEL);
    host.vcpu(0, { values: { pid: NOWHERE } });
    const { rows, code } = await host.ask();
    expect(code).toBe(1);
    expect(rows[0]).toMatchObject({ thread: null });
    expect(rows[0]?.problems).toContainEqual(expect.stringMatching(/^thread: struct pid at 0x\w+/));
  });
});
