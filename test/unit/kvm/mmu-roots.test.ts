// SPDX-License-Identifier: Apache-2.0
// The roots of KVM's page tables: in the vCPUs, where each kernel has them, and in the list of the TDP MMU.
import { describe, expect, test } from '@jest/globals';
import { Kvm } from '../../../src/kvm/kvm.js';
import { mmuRoots } from '../../../src/kvm/mmu/roots.js';
import { PAGE } from '../../build/memory.js';
import { kernelTypes, VcpuHost } from '../../build/vcpus.js';

/** struct kvm_mmu of 5.10, with shadow_root_level; and of 6.x. */
const OLD_MMU = 'kvm_mmu {\n  pad 16\n  u64 root_hpa\n  u32 base_role\n  u8 shadow_root_level\n}\n';
const NEW_MMU =
  'kvm_mmu_root_info {\n  u64 pgd\n  u64 hpa\n}\nkvm_mmu {\n  pad 8\n  struct kvm_mmu_root_info root\n  u32 root_role\n}\n';
const PAGE_TYPE = 'kvm_mmu_page {\n  pad 8\n  struct list_head link\n  u64 gfn\n  ptr spt\n  u32 role\n}\n';

type MmuEra = 'pointer' | 'inside';
const typesOf = (era: MmuEra, tdp = true): string => {
  const mmu = era === 'pointer' ? NEW_MMU : OLD_MMU;
  const member = era === 'pointer' ? '  ptr root_mmu\n' : '  struct kvm_mmu mmu\n';
  const arch = 'kvm_arch {\n  pad 32\n  struct list_head tdp_mmu_roots\n}\n';
  const own = kernelTypes('bitmap')
    .replace('  u8 guest_state_protected\n', `  u8 guest_state_protected\n${member}`)
    .replace(/(kvm \{\n)/, tdp ? '$1  struct kvm_arch arch\n' : '$1');
  return mmu + (tdp ? PAGE_TYPE + arch : '') + own;
};

/** role.direct; the level in the low bits. */
const role = (levels: number, more = 0): number => levels | 0x80 | more;
const NESTED = 1 << 17;
const INVALID = 1 << 11;
const SMM = 1 << 24;
const NO_ROOT = 2n ** 64n - 1n;

class MmuHost extends VcpuHost {
  constructor(
    readonly mmu: MmuEra,
    readonly tdp = true,
  ) {
    super('bitmap', { types: typesOf(mmu, tdp), vendor: { name: 'kvm_amd' } });
    if (!tdp) return;
    const head = this.kvm + this.offset('kvm', 'arch.tdp_mmu_roots');
    this.u64(head, head);
    this.u64(head + 8n, head);
  }

  /** A vCPU that uses a root. */
  uses(index: number, root: bigint, word: number, level = word & 15): void {
    if (this.mmu === 'inside') {
      const values = { 'arch.mmu.root_hpa': root, 'arch.mmu.base_role': word, 'arch.mmu.shadow_root_level': level };
      this.vcpu(index, { values });
      return;
    }
    const mmu = this.make('kvm_mmu', { 'root.hpa': root, root_role: word });
    this.vcpu(index, { values: { 'arch.root_mmu': mmu } });
  }

  /** A root in the list of the TDP MMU; returns its frame. */
  lists(word: number): number {
    const table = this.allocate(4096, PAGE);
    const page = this.make('kvm_mmu_page', { spt: table, role: word });
    this.append(this.kvm + this.offset('kvm', 'arch.tdp_mmu_roots'), page + this.offset('kvm_mmu_page', 'link'));
    return Number(this.physical(table) / PAGE);
  }

  found() {
    const { roots, problems } = mmuRoots(new Kvm(this.open()), this.kvm);
    return { roots: roots.map(({ frame, levels, addressSpace }) => [frame, levels, addressSpace]), problems };
  }
}

describe.each<MmuEra>(['pointer', 'inside'])('struct kvm_mmu: %s', (era) => {
  test('each root once, with its levels and its address space', () => {
    const host = new MmuHost(era);
    host.uses(0, 0x7777000n, role(4));
    host.uses(1, 0x7777000n, role(4));
    host.uses(2, 0x8888000n, role(5, SMM));
    host.uses(3, NO_ROOT, role(4));
    host.uses(4, 0n, role(4));
    const listed = host.lists(role(4));
    expect(host.found()).toEqual({
      roots: [
        [0x7777, 4, 0],
        [0x8888, 5, 1],
        [listed, 4, 0],
      ],
      problems: [],
    });
  });

  test('shadow page tables are a problem, and no roots', () => {
    const host = new MmuHost(era);
    host.uses(0, 0x7777000n, 4);
    host.uses(1, 0x8888000n, 4);
    expect(host.found()).toEqual({ roots: [], problems: [expect.stringContaining('shadow page tables')] });
  });

  test.each<[string, bigint, number]>([
    ['not at a page', 0x7777008n, role(4)],
    ['above all memory', 2n ** 52n, role(4)],
    ['no levels', 0x7777000n, role(0)],
    ['too many levels', 0x7777000n, role(6)],
    ['an address space that does not exist', 0x7777000n, role(4, 2 * SMM)],
  ])('a damaged root: %s', (_, root, word) => {
    const host = new MmuHost(era);
    host.uses(0, root, word);
    host.uses(1, 0x8888000n, role(4));
    const { roots, problems } = host.found();
    expect(roots).toEqual([[0x8888, 4, 0]]);
    expect(problems).toEqual([
      expect.stringMatching(/^vCPU with index 0: a root at 0x[0-9a-f]+ with \d+ levels .* can't be right/),
    ]);
  });
});

test('where the structure has shadow_root_level, that is the number of levels', () => {
  const host = new MmuHost('inside');
  host.uses(0, 0x7777000n, role(0), 4);
  expect(host.found().roots).toEqual([[0x7777, 4, 0]]);
});

test('the list of the TDP MMU: roots of nested guests and those that KVM is emptying are not taken', () => {
  const host = new MmuHost('pointer');
  host.lists(role(4, NESTED));
  host.lists(role(4, INVALID));
  host.lists(4);
  const [normal, smm] = [host.lists(role(5)), host.lists(role(5, SMM))];
  expect(host.found()).toEqual({
    roots: [
      [normal, 5, 0],
      [smm, 5, 1],
    ],
    problems: [],
  });
});

test('a damaged list of the TDP MMU: what was found before is kept', () => {
  const host = new MmuHost('pointer');
  host.uses(0, 0x7777000n, role(4));
  const listed = host.lists(role(4));
  const head = host.kvm + host.offset('kvm', 'arch.tdp_mmu_roots');
  host.u64(host.pointer(head), 0xffff8880f0000000n);
  const { roots, problems } = host.found();
  expect(roots).toEqual([
    [0x7777, 4, 0],
    [listed, 4, 0],
  ]);
  expect(problems).toEqual([expect.stringMatching(/^tdp_mmu_roots: /)]);
});

test('a list that loops ends', () => {
  const host = new MmuHost('pointer');
  const listed = host.lists(role(4));
  const head = host.kvm + host.offset('kvm', 'arch.tdp_mmu_roots');
  host.u64(host.pointer(head), host.pointer(head));
  const { roots, problems } = host.found();
  expect(roots).toEqual([[listed, 4, 0]]);
  expect(problems).toHaveLength(1);
});

test('kernels without the TDP MMU', () => {
  const host = new MmuHost('inside', false);
  host.uses(0, 0x7777000n, role(4));
  expect(host.found()).toEqual({ roots: [[0x7777, 4, 0]], problems: [] });
});
