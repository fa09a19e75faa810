// SPDX-License-Identifier: Apache-2.0
// vCPUs of synthetic hosts: every form of the list, damage, and what no recorded host has.
import { describe, expect, test } from '@jest/globals';
import { amdTypes, type Era, type JsonRow, VcpuHost, type VcpuWish } from '../../build/vcpus.js';

const ERAS: readonly Era[] = ['array', 'xarray', 'bitmap'];
const amd = (era: Era = 'bitmap') => ({ vendor: { name: 'kvm_amd', types: amdTypes(era) } });
const INTEL = { vendor: { name: 'kvm_intel' } };
const NOWHERE = 0xffff8880f0000000n;

/** The row of the only vCPU of a host. */
async function only(host: VcpuHost): Promise<JsonRow> {
  const { rows, code } = await host.ask();
  expect(rows).toHaveLength(1);
  expect(code).toBe(0);
  return rows[0] as JsonRow;
}

const registersOf = async (host: VcpuHost) => (await only(host)).registers;

describe.each(ERAS)('the list as in the era %s', (era) => {
  test('a hole in the numbering does not end it; indices, ids, threads and places of registers', async () => {
    const host = new VcpuHost(era, amd(era));
    const vmcb = host.vmcb({});
    for (const [index, id] of [
      [0, 0],
      [3, 8],
      [4, 9],
      [11, 255],
    ] as const) {
      const rip = era === 'bitmap' ? 'arch.rip' : 'arch.regs[16]';
      const values = { cpu: index, 'arch.regs[3]': 0xb00n + BigInt(index), 'arch.regs[15]': 0xfn, [rip]: 0x1000n };
      host.vcpu(index, { id, thread: 500 + index, values, svm: { vmcb } });
    }
    const { rows, code, warnings } = await host.ask();
    expect([code, warnings]).toEqual([0, []]);
    expect(rows.map(({ index, id, thread, cpu }) => ({ index, id, thread, cpu }))).toEqual(
      [
        [0, 0],
        [3, 8],
        [4, 9],
        [11, 255],
      ].map(([index = 0, id]) => ({ index, id, thread: 500 + index, cpu: index })),
    );
    expect(rows.map(({ registers: { rbx, r15, rip } }) => [rbx, r15, rip])).toEqual(
      ['0xb00', '0xb03', '0xb04', '0xb0b'].map((rbx) => [rbx, '0xf', '0x1000']),
    );
    expect(rows.map(({ kvm, pid, mode, problems }) => ({ kvm, pid, mode, problems }))).toEqual(
      rows.map(() => ({ kvm: `0x${host.kvm.toString(16)}`, pid: 191, mode: 'outside', problems: [] })),
    );
  });

  test.each<[string, (host: VcpuHost) => bigint, RegExp]>([
    ['into memory that is not mapped', () => NOWHERE, /not mapped: its PUD entry/],
    ['to a vCPU of another VM', (host) => host.make('kvm_vcpu', { kvm: 0x1234n, vcpu_idx: 1 }), /of the VM at 0x1234/],
    ['to another vCPU of the VM', (host) => host.vcpu(2, { id: 7 }), /it is the vCPU with index 2/],
  ])('a pointer %s: counted and named, the others answered', async (_what, damage, why) => {
    const host = new VcpuHost(era, INTEL);
    host.vcpu(0);
    const bad = damage(host);
    host.place(1, bad);
    host.vcpu(5);
    const { rows, code, warnings } = await host.ask();
    expect(code).toBe(1);
    expect(rows.map(({ index }) => index).filter((index) => index !== 2)).toEqual([0, 5]);
    const named = `1 of ${rows.length + 1} vCPUs can't be read: vCPU 1 at 0x${bad.toString(16)}: `;
    expect(warnings).toEqual([expect.stringContaining(named)]);
    expect(warnings[0]).toMatch(why);
  });

  test('fewer than struct kvm counts is an incomplete list', async () => {
    const host = new VcpuHost(era, INTEL);
    host.vcpu(0);
    host.set('kvm', host.kvm, { 'online_vcpus.counter': 3 });
    const { rows, code, warnings } = await host.ask();
    expect([rows.length, code]).toEqual([1, 1]);
    expect(warnings).toEqual([expect.stringMatching(/^VM at 0x\w+: struct kvm counts 3 vCPUs, 1 can be found$/)]);
  });

  test.each([
    [1, 0, []],
    [2, 1, [expect.stringMatching(/^VM at 0x\w+: struct kvm counts 0 vCPUs, 2 can be found$/)]],
  ])('%d more than it counts', async (number, status, said) => {
    const host = new VcpuHost(era, INTEL);
    for (let index = 0; index < number; index++) host.vcpu(index);
    host.set('kvm', host.kvm, { 'online_vcpus.counter': 0 });
    const { rows, code, warnings } = await host.ask();
    expect([rows.length, code, warnings]).toEqual([number, status, said]);
  });

  test('an impossible count is damage', async () => {
    const host = new VcpuHost(era, INTEL);
    host.set('kvm', host.kvm, { 'online_vcpus.counter': 0x10001 });
    const { rows, code, warnings } = await host.ask();
    expect([rows.length, code]).toEqual([0, 1]);
    expect(warnings).toEqual([expect.stringContaining("a VM can't have 65537 vCPUs")]);
  });

  test('zeros in place of the count are not a VM without vCPUs', async () => {
    const host = new VcpuHost(era, INTEL);
    const link = host.kvm + host.offset('kvm', 'vm_list');
    for (const at of [link, link + 8n]) host.u64(at, 0n);
    const { rows, code, warnings } = await host.ask();
    expect([rows.length, code]).toEqual([0, 1]);
    expect(warnings).toContainEqual(expect.stringMatching(/^VM at 0x\w+: number of vCPUs: .*a page of zeros/));
  });

  test('a VM without vCPUs has none', async () => {
    expect(await new VcpuHost(era, INTEL).ask()).toMatchObject({ rows: [], code: 0, warnings: [], text: '' });
  });
});

test('CR8 is the task priority of the local APIC, if KVM has one', async () => {
  const host = new VcpuHost('xarray', INTEL);
  host.vcpu(0, { values: { 'arch.cr8': 5n } });
  expect((await registersOf(host)).cr8).toBe('0x5');
  const other = new VcpuHost('xarray', INTEL);
  const regs = other.allocate(4096, 4096n);
  other.u64(regs + 0x80n, 0xbfn);
  other.vcpu(0, { values: { 'arch.cr8': 5n, 'arch.apic': other.make('kvm_lapic', { regs }) } });
  expect((await registersOf(other)).cr8).toBe('0xb');
});

describe("registers on AMD's processors", () => {
  /** One vCPU with a VMCB. */
  function host(save: Readonly<Record<number, bigint>>, wish: VcpuWish = {}, control: Record<number, bigint> = {}) {
    const made = new VcpuHost('bitmap', amd());
    made.vcpu(0, { ...wish, svm: { vmcb: made.vmcb(save, control), ...wish.svm } });
    return made;
  }

  const segment = (selector: bigint, packed: bigint, limit: bigint): bigint =>
    selector | (packed << 16n) | (limit << 32n);

  // AMD64 manual, volume 2, 15.5.2: attributes are bits 55:52 and 47:40 of the descriptor, packed into 12 bits.
  test.each([
    ['cs', 0x10, segment(0x10n, 0xa9bn, 0xffffffffn), { selector: '0x10', limit: '0xffffffff', attributes: '0xa09b' }],
    ['cs', 0x10, segment(0xf000n, 0x09bn, 0xffffn), { selector: '0xf000', limit: '0xffff', attributes: '0x9b' }],
    ['ds', 0x30, segment(0x18n, 0x493n, 0xffffffffn), { selector: '0x18', limit: '0xffffffff', attributes: '0xc093' }],
    ['es', 0x00, segment(0x0n, 0xc13n, 0xffffffffn), { selector: '0x0', limit: '0xffffffff', attributes: '0x0' }],
    ['gs', 0x50, segment(0x2bn, 0xcf2n, 0xffffffffn), { selector: '0x2b', limit: '0xffffffff', attributes: '0xc0f3' }],
    ['ldtr', 0x70, segment(0x0n, 0x082n, 0n), { selector: '0x0', limit: '0x0', attributes: '0x82' }],
    ['tr', 0x90, segment(0x40n, 0x089n, 0x4087n), { selector: '0x40', limit: '0x4087', attributes: '0x8b' }],
  ])('%s, at offset %d of the state save area', async (name, offset, word, expected) => {
    const row = await only(host({ [offset]: word, [offset + 8]: 0xffff888000000123n }));
    expect(row.registers[name]).toEqual({ base: '0xffff888000000123', ...expected });
    expect(row.sources).toMatchObject({ [name]: 'vmcb' });
  });

  test.each([0n, 3n])('the level of SS is CPL %d', async (cpl) => {
    const { ss } = await registersOf(host({ 32: segment(0x2bn, 0xcd3n, 0xffffffffn), 200: cpl << 24n }));
    expect(ss).toMatchObject({ attributes: cpl === 0n ? '0xc093' : '0xc0f3' });
  });

  test('tables, RFLAGS; EFER is that of the guest, without SVME', async () => {
    const save = { 96: 0x7fn << 32n, 104: 0xfffffe00n, 128: 0xfffn << 32n, 136: 0xfffffe10n, 368: 0x246n };
    const row = await only(host(save, { values: { 'arch.efer': 0xd01n } }, { 104: 1n }));
    expect(row.registers).toMatchObject({
      gdtr: { base: '0xfffffe00', limit: '0x7f' },
      idtr: { base: '0xfffffe10', limit: '0xfff' },
      rflags: '0x246',
      efer: '0xd01',
    });
    expect(row).toMatchObject({
      interruptShadow: true,
      sources: { rflags: 'vmcb', rip: 'vcpu.arch', efer: 'vcpu.arch' },
    });
  });

  test.each<[string, VcpuWish, string]>([
    ['KVM single-steps the guest', { values: { guest_debug: 2 } }, '0x10046'],
    ['KVM waits for the end of an NMI', { svm: { nmi_singlestep: 1n, nmi_singlestep_guest_rflags: 0x46n } }, '0x46'],
    [
      'KVM waits, and the guest had set TF',
      { svm: { nmi_singlestep: 1n, nmi_singlestep_guest_rflags: 0x146n } },
      '0x146',
    ],
    ['the guest has set TF and RF', {}, '0x10146'],
  ])('RFLAGS without the bits of KVM: %s', async (_what, wish, rflags) => {
    expect((await registersOf(host({ 368: 0x10146n }, wish))).rflags).toBe(rflags);
  });

  test.each<[string, bigint, RegExp]>([
    ['is not mapped', NOWHERE, /VMCB at 0xffff8880f0000000: not mapped: its PUD entry/],
    ['is not aligned', NOWHERE + 8n, /a VMCB can't be at 0xffff8880f0000008/],
    ['is not a VMCB', 0n, /bit SVME of its EFER is clear/],
  ])('a VMCB that %s: the rest is answered, exit status 1', async (_what, pointer, why) => {
    const made = new VcpuHost('bitmap', amd());
    const vmcb = pointer === 0n ? made.vmcb({ 208: 0xd01n }) : pointer;
    made.vcpu(0, { values: { 'arch.regs[0]': 7n, 'arch.cr3': 0x5000n }, svm: { vmcb } });
    const { rows, code } = await made.ask();
    expect(code).toBe(1);
    const [row] = rows;
    expect(row).toMatchObject({ registers: { rax: '0x7', cr3: '0x5000', rflags: null, cs: null, gdtr: null } });
    expect(row).toMatchObject({ sources: { rax: 'vcpu.arch', rflags: null, cs: null } });
    expect(row?.problems).toEqual([expect.stringMatching(/^rflags, cs, ss, ds, es, fs, gs, ldtr, tr, gdtr, idtr: /)]);
    expect(row?.problems[0]).toMatch(why);
  });

  test('without the types of kvm_amd: the members of kvm_vcpu, a problem, and a warning', async () => {
    const made = new VcpuHost('bitmap', { vendor: { name: 'kvm_amd' } });
    made.vcpu(0, { values: { 'arch.rip': 0x99n } });
    const { rows, code, warnings } = await made.ask();
    expect(code).toBe(0);
    expect(rows[0]).toMatchObject({ registers: { rip: '0x99', cr0: '0x0', rflags: null, tr: null } });
    expect(rows[0]?.problems).toContainEqual(
      expect.stringMatching(/^rflags, cs, .* does not describe struct vcpu_svm of module kvm_amd$/),
    );
    expect(warnings).toEqual([expect.stringContaining('does not describe struct vcpu_svm of module kvm_amd')]);
  });

  test('hidden registers are null with the reason', async () => {
    const row = await only(host({ 368: 0x246n }, { values: { 'arch.guest_state_protected': 1, 'arch.regs[0]': 7n } }));
    expect(new Set([...Object.values(row.registers), ...Object.values(row.sources)])).toEqual(new Set([null]));
    expect(row.problems).toEqual([expect.stringContaining('hidden from the host (guest_state_protected)')]);
  });

  describe('CR3 of nested paging, if the two copies differ', () => {
    const NESTED = { 144: 1n };
    const SAVE = { 336: 0x2000n, 376: 0x111n };
    const CR3 = { 'arch.cr3': 0x1000n, 'arch.rip': 0x111n };
    const cr3Of = async (values: Readonly<Record<string, bigint>>, control: Record<number, bigint>) => {
      const { registers, sources, problems } = await only(host(SAVE, { values }, control));
      return [registers.cr3, sources.cr3, problems.filter((problem) => problem.startsWith('cr3: '))];
    };

    test('an exit that was not handled: the newer one, and problems says so', async () => {
      const problem = expect.stringContaining('vcpu.arch has 0x1000, the VMCB 0x2000, which is taken');
      expect(await cr3Of(CR3, NESTED)).toEqual(['0x2000', 'vmcb', [problem]]);
    });

    test('KVM has moved rip on: its copy, with a problem', async () => {
      const problem = expect.stringContaining('it is not certain');
      expect(await cr3Of({ ...CR3, 'arch.rip': 0x113n }, NESTED)).toEqual(['0x1000', 'vcpu.arch', [problem]]);
    });

    test.each<[string, Record<string, bigint>, Record<number, bigint>]>([
      ['KVM changed it', { ...CR3, 'arch.regs_dirty': 1n << 19n }, NESTED],
      ['the guest exits when it changes it', CR3, {}],
    ])('%s: its copy', async (_what, values, control) => {
      expect(await cr3Of(values, control)).toEqual(['0x1000', 'vcpu.arch', []]);
    });
  });

  test.each([
    ['set_dr7', '0x11', 'vcpu.arch'],
    ['get_dr6', '0x22', 'vmcb'],
  ])('DR6 of a kernel with %s', async (operation, dr6, source) => {
    const types = amdTypes('bitmap').replace('set_dr7', operation);
    const made = new VcpuHost('bitmap', { vendor: { name: 'kvm_amd', types } });
    made.vcpu(0, { values: { 'arch.dr6': 0x11n }, svm: { vmcb: made.vmcb({ 360: 0x22n }) } });
    expect(await only(made)).toMatchObject({ registers: { dr6 }, sources: { dr6: source } });
  });
});

describe("registers on Intel's processors", () => {
  const ALL = 0xffffffffn;
  const bit = (n: number): bigint => ALL & ~(1n << BigInt(n));
  const VALUES = {
    'arch.cr0': 0x80050033n,
    'arch.cr3': 0x1000n,
    'arch.cr4': 0x6f0n,
    'arch.rip': 0x99n,
    'arch.regs[4]': 0x88n,
  };

  async function known(values: Readonly<Record<string, bigint>>): Promise<string[]> {
    const host = new VcpuHost('bitmap', INTEL);
    host.vcpu(0, { values: { ...VALUES, ...values } });
    const { registers, sources, problems } = await only(host);
    const names = ['rsp', 'rip', 'cr0', 'cr3', 'cr4'];
    const missing = names.filter((name) => registers[name] === null);
    expect(names.filter((name) => (sources as Record<string, unknown>)[name] === null)).toEqual(missing);
    const [reason = ''] = problems;
    expect(reason).toMatch(/: only the VMCS has the current values/);
    expect(names.filter((name) => reason.split(': ')[0]?.split(', ').includes(name))).toEqual(missing);
    return names.filter((name) => registers[name] !== null);
  }

  const OWNED = { 'arch.cr0_guest_owned_bits': 8n, 'arch.cr4_guest_owned_bits': 0x600n };

  test.each<[string, Record<string, bigint>, string[]]>([
    ['all', { 'arch.regs_avail': ALL, ...OWNED }, ['rsp', 'rip', 'cr0', 'cr3', 'cr4']],
    ['not RSP', { 'arch.regs_avail': bit(4), ...OWNED }, ['rip', 'cr0', 'cr3', 'cr4']],
    ['not RIP', { 'arch.regs_avail': bit(16), ...OWNED }, ['rsp', 'cr0', 'cr3', 'cr4']],
    ['not CR0, of which the guest owns bits', { 'arch.regs_avail': bit(18), ...OWNED }, ['rsp', 'rip', 'cr3', 'cr4']],
    ['not CR0, of which it owns none', { 'arch.regs_avail': bit(18) }, ['rsp', 'rip', 'cr0', 'cr3', 'cr4']],
    ['not CR3', { 'arch.regs_avail': bit(19), ...OWNED }, ['rsp', 'rip', 'cr0', 'cr4']],
    ['not CR4, of which the guest owns bits', { 'arch.regs_avail': bit(20), ...OWNED }, ['rsp', 'rip', 'cr0', 'cr3']],
    ['none', { 'arch.regs_avail': 0n, ...OWNED }, []],
  ])('regs_avail has %s', async (_what, values, expected) => {
    expect(await known(values)).toEqual(expected);
  });

  test('segments, tables and RFLAGS are never in vcpu.arch', async () => {
    const host = new VcpuHost('bitmap', INTEL);
    host.vcpu(0);
    const { registers, interruptShadow } = await only(host);
    for (const name of ['rflags', 'cs', 'ss', 'ds', 'es', 'fs', 'gs', 'ldtr', 'tr', 'gdtr', 'idtr'])
      expect(registers[name]).toBeNull();
    expect(interruptShadow).toBeNull();
  });
});

test('a page of struct kvm_vcpu that is missing: the registers on the others are answered', async () => {
  const host = new VcpuHost('bitmap', INTEL);
  const address = host.vcpu(0, { values: { 'arch.regs[0]': 7n } });
  const far = address + host.offset('kvm_vcpu', 'arch.guest_state_protected');
  host.memory.frames.delete(Number(host.physical(far) >> 12n));
  const { rows, code } = await host.ask();
  expect(code).toBe(1);
  expect(rows[0]).toMatchObject({ id: 0, registers: { rax: null } });
  expect(rows[0]?.problems).toContainEqual(expect.stringMatching(/^rax, .*struct kvm_vcpu at 0x/));
});
