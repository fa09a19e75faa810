// SPDX-License-Identifier: Apache-2.0
// Which page tables --gva walks: by the registers of a vCPU, by a given CR3; and why none are known.
import { describe, expect, test } from '@jest/globals';
import { virtualMemory } from '../../../src/commands/guest-memory.js';
import { needGva, type virtualOptions } from '../../../src/commands/guest-options.js';
import type { Values } from '../../../src/commands/options.js';
import { selectVm } from '../../../src/kvm/select.js';
import { GuestSpace } from '../../../src/spaces/guest-space.js';
import { amdTypes, VcpuHost, type VcpuWish } from '../../build/vcpus.js';

const AMD = { vendor: { name: 'kvm_amd', types: amdTypes('bitmap') } };
const INTEL = { vendor: { name: 'kvm_intel' } };
type Given = Values<typeof virtualOptions>;
const GVA: Given = { gva: true, vcpu: null, cr3: null, gtask: null };

const REGISTERS = { 'arch.cr0': 0x80050033n, 'arch.cr3': 0x1234567n, 'arch.cr4': 0x6f0n, 'arch.efer': 0xd01n } as const;
const with5Levels = { ...REGISTERS, 'arch.cr4': 0x16f0n } as const;
/** regs_avail without CR0, CR3 and CR4 (enum kvm_reg): they are in the VMCS. */
const IN_VMCS = 0xffff_ffffn & ~((1n << 18n) | (1n << 19n) | (1n << 20n));
const NO_CR0_CR4 = IN_VMCS | (1n << 19n);

/** The paging that the options choose for a VM with these vCPUs. */
function pagingOf(options: object, vcpus: readonly VcpuWish[], given: Partial<Given> = {}, addressSpace = 0) {
  const host = new VcpuHost('bitmap', options);
  for (const [index, wish] of vcpus.entries()) {
    const { 'arch.cr0': cr0 = 0n, 'arch.cr3': cr3 = 0n, 'arch.efer': efer = 0n } = wish.values ?? {};
    // The VMCB has SVME in EFER, too.
    const save = { 344: BigInt(cr0), 336: BigInt(cr3), 208: BigInt(efer) | 0x1000n };
    host.vcpu(index, options === AMD ? { ...wish, svm: { vmcb: host.vmcb(save) } } : wish);
  }
  const selected = selectVm(host.open(), '191', null);
  const { paging } = virtualMemory(selected, new GuestSpace(selected.vm, addressSpace), { ...GVA, ...given });
  return [paging.mode, paging.root];
}

const of = (values: VcpuWish['values'], more: VcpuWish = {}): VcpuWish => ({ ...more, values: values ?? {} });

describe('by the registers of vCPUs', () => {
  test.each<[string, object, readonly VcpuWish[], Partial<Given>, readonly unknown[]]>([
    ['the first', AMD, [of(REGISTERS), of({ ...REGISTERS, 'arch.cr3': 0x9000n })], {}, ['4-level', 0x1234000]],
    [
      'the one with an index',
      AMD,
      [of(REGISTERS), of({ ...REGISTERS, 'arch.cr3': 0x9000n })],
      { vcpu: 1 },
      ['4-level', 0x9000],
    ],
    ['5 levels', AMD, [of(with5Levels)], {}, ['5-level', 0x1234000]],
    ['PAE', AMD, [of({ ...REGISTERS, 'arch.efer': 0n })], {}, ['pae', 0x1234560]],
    ['no paging', AMD, [of({ ...REGISTERS, 'arch.cr0': 0x11n, 'arch.efer': 0n })], {}, ['none', 0]],
    ['a given CR3', AMD, [of(REGISTERS)], { cr3: 0x777_7000n }, ['4-level', 0x7777000]],
    [
      'a given CR3 and the index of a vCPU',
      AMD,
      [of(REGISTERS), of(with5Levels)],
      { cr3: 0x777_7000n, vcpu: 1 },
      ['5-level', 0x7777000],
    ],
    [
      'a given CR3, and a first vCPU that had paging off',
      AMD,
      [of({ ...REGISTERS, 'arch.cr0': 0x11n, 'arch.efer': 0n }), of(with5Levels)],
      { cr3: 0x777_7000n },
      ['5-level', 0x7777000],
    ],
    ['Intel, all known', INTEL, [of({ ...with5Levels, 'arch.regs_avail': 0xffff_ffffn })], {}, ['5-level', 0x1234000]],
    // The bits that choose the mode are never among those that the guest changes alone.
    [
      'Intel, CR0 and CR4 in the VMCS: TS and some bits of CR4 are the guest’s own',
      INTEL,
      [
        of({
          ...with5Levels,
          'arch.regs_avail': NO_CR0_CR4,
          'arch.cr0_guest_owned_bits': 8n,
          'arch.cr4_guest_owned_bits': 0x10_0786n,
        }),
      ],
      {},
      ['5-level', 0x1234000],
    ],
    [
      'Intel, CR3 in the VMCS of the first vCPU only',
      INTEL,
      [
        of({ ...REGISTERS, 'arch.regs_avail': IN_VMCS }),
        of({ ...REGISTERS, 'arch.cr3': 0x9000n, 'arch.regs_avail': 0xffff_ffffn }),
      ],
      {},
      ['4-level', 0x9000],
    ],
  ])('%s', (_, options, vcpus, given, expected) => {
    expect(pagingOf(options, vcpus, given)).toEqual(expected);
  });

  test.each<[string, object, readonly VcpuWish[], Partial<Given>, RegExp]>([
    ['no vCPU', AMD, [], {}, /page tables are not known: no vCPU can be read/],
    [
      'no vCPU with the index',
      AMD,
      [of(REGISTERS), of(REGISTERS)],
      { vcpu: 7 },
      /no vCPU with index 7 .* its vCPUs: 0, 1$/,
    ],
    [
      'CR3 in the VMCS',
      INTEL,
      [of({ ...REGISTERS, 'arch.regs_avail': IN_VMCS })],
      {},
      /not known: cr3 of vCPU 0 not known/,
    ],
    [
      'a given CR3, and paging is off',
      AMD,
      [of({ ...REGISTERS, 'arch.cr0': 0x11n, 'arch.efer': 0n })],
      { cr3: 0x777_7000n },
      /not known: vCPU 0 had paging off, /,
    ],
    [
      'the bit for 5 levels is the guest’s own',
      INTEL,
      [of({ ...with5Levels, 'arch.regs_avail': NO_CR0_CR4, 'arch.cr4_guest_owned_bits': 0x1000n })],
      {},
      /not known: cr4 of vCPU 0 not known/,
    ],
  ])('%s: an error', (_, options, vcpus, given, why) => {
    expect(() => pagingOf(options, vcpus, given)).toThrow(why);
  });
});

describe('a vCPU in System Management Mode', () => {
  // HF_SMM_MASK of kernels with x86_emulate_ops.is_smm.
  const inSmm = of({ ...REGISTERS, 'arch.hflags': 2n, 'arch.cr3': 0x9000n });
  const normal = of(REGISTERS);

  test('is left out, as its page tables are in address space 1', () => {
    expect(pagingOf(AMD, [inSmm, normal])).toEqual(['4-level', 0x1234000]);
    expect(pagingOf(AMD, [inSmm, normal], { cr3: 0x5000n })).toEqual(['4-level', 0x5000]);
    expect(pagingOf(AMD, [inSmm, normal], {}, 1)).toEqual(['4-level', 0x9000]);
  });

  test('alone, or asked for: an error that names the option', () => {
    const error = /vCPU 0 was in System Management Mode, whose memory is that of --address-space 1/;
    expect(() => pagingOf(AMD, [inSmm])).toThrow(error);
    expect(() => pagingOf(AMD, [inSmm, normal], { vcpu: 0 })).toThrow(error);
  });
});

describe('a vCPU that was running a guest of the guest, with paging off', () => {
  const NESTED = 1;
  /** Of the guest itself, at their offsets in a VMCB: CR0, CR3, CR4 with LA57, EFER. */
  const OWN = { 344: 0x8005_0033n, 336: 0x9000n, 328: 0x16f0n, 208: 0x1d01n };
  type Form = Parameters<typeof amdTypes>[1];

  /** `vmcb`: which VMCB the vCPU runs with; `saved`: the one that KVM keeps for the guest itself. */
  function selectedOf(form: Form, hflags: number, vmcb: 'own' | 'other', own: Parameters<VcpuHost['vmcb']>[0] = OWN) {
    const host = new VcpuHost('bitmap', { vendor: { name: 'kvm_amd', types: amdTypes('bitmap', form) } });
    const saved = host.vmcb(own);
    const svm = { vmcb: vmcb === 'own' ? saved : host.vmcb({ 344: 0x11n }), saved };
    host.vcpu(0, { values: { 'arch.cr0': 0x11n, 'arch.hflags': hflags }, svm });
    return selectVm(host.open(), '191', null);
  }
  const tablesOf = (selected: ReturnType<typeof selectedOf>, given: Partial<Given> = {}) => {
    const { paging } = virtualMemory(selected, new GuestSpace(selected.vm, 0), { ...GVA, ...given });
    return [paging.mode, paging.root];
  };

  test.each<Form>(['vmcb01', 'hsave'])("the guest's own registers, which KVM has in %s", (form) => {
    const selected = selectedOf(form, NESTED, 'other');
    expect(tablesOf(selected)).toEqual(['5-level', 0x9000]);
    expect(tablesOf(selected, { cr3: 0x5000n })).toEqual(['5-level', 0x5000]);
  });

  test.each<[string, Form, number, 'own' | 'other', RegExp, string]>([
    [
      'types that do not say where',
      undefined,
      NESTED,
      'other',
      /vCPU 0: type information .* where KVM saves/,
      'no-types',
    ],
    ['it runs with the own VMCB', 'vmcb01', NESTED, 'own', /vCPU 0: it was entering or leaving/, 'damaged'],
    [
      'it runs with another VMCB, and is not nested',
      'vmcb01',
      0,
      'other',
      /vCPU 0: it was entering or leaving/,
      'damaged',
    ],
  ])('%s: an error', (_, form, hflags, vmcb, message, code) => {
    const selected = selectedOf(form, hflags, vmcb);
    const error = (() => {
      try {
        return tablesOf(selected);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
  });

  test('what is kept is not a VMCB: an error', () => {
    const selected = selectedOf('vmcb01', NESTED, 'other', { ...OWN, 208: 0xd01n });
    expect(() => tablesOf(selected)).toThrow(/vCPU 0: there is no VMCB at 0x\w+: bit SVME/);
  });

  test.each<[Form, 'own' | 'other']>([
    ['vmcb01', 'own'],
    ['hsave', 'other'],
    [undefined, 'other'],
  ])('not nested, %s: its own registers', (form, vmcb) => {
    expect(tablesOf(selectedOf(form, 0, vmcb, { 344: 0x11n }))).toEqual(['none', 0]);
  });

  test("on Intel's processors: an error", () => {
    const values = { ...REGISTERS, 'arch.regs_avail': 0xffff_ffffn, 'arch.hflags': NESTED };
    expect(() => pagingOf(INTEL, [{ values }])).toThrow(/vCPU 0: it was running a guest of the guest, whose registers/);
  });
});

test.each<[Partial<Given>, string]>([
  [{ vcpu: 0 }, '--vcpu needs --gva'],
  [{ cr3: 0n }, '--cr3 needs --gva'],
  [{ gtask: '1' }, '--gtask needs --gva'],
])('%j without --gva', (given, message) => {
  expect(() => {
    needGva({ ...GVA, gva: false, ...given });
  }).toThrow(message);
  expect(() => {
    needGva({ ...GVA, ...given });
  }).not.toThrow();
});
