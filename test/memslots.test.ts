// SPDX-License-Identifier: Apache-2.0
// Memory slots and what lies at their addresses, on hosts put together by hand.
import { describe, expect, test } from '@jest/globals';
import { selectVm } from '../src/commands/select.js';
import { gfn } from '../src/core/address.js';
import { Road } from '../src/translate/road.js';
import { SyntheticHost } from './build/host.js';
import { HUGE, PAGE, protNone, swapEntry, TABLE } from './build/memory.js';
import type { HostOptions } from './build/options.js';
import { KVM_TYPES, SMALL_KERNEL } from './build/small-kernel.js';

const HVA = 0x7f0000000000n;
const slot = (id: number, gpa: bigint, pages: bigint, hva = HVA, flags = 0) => ({ id, gpa, pages, hva, flags });

function roadOf(host: SyntheticHost, space = 0): Road {
  const opened = host.open();
  return new Road(opened, selectVm(opened, '191', null).vm, space);
}

const ask = (road: Road, gpa: bigint) => {
  road.translate(gfn(Number(gpa / PAGE)), Number(gpa % PAGE));
  const { state, reason, frame, slot: found, page, pageSize, swap } = road;
  return { state, reason, frame, id: found?.id, page, pageSize, swap };
};

describe('slots', () => {
  test('an address belongs to the slot that holds it, to its first and last byte', () => {
    const host = new SyntheticHost();
    const { tables } = host.vmm(191, [
      slot(0, 0n, 2n),
      slot(1, 0x4000n, 1n, HVA + 0x100000n),
      slot(2, 0x100000000n, 3n, HVA + 0x200000n),
    ]);
    for (const [page, frame] of [
      [0n, 0x11],
      [0x1000n, 0x12],
      [0x100000n, 0x21],
      [0x202000n, 0x33],
    ] as const)
      tables.map(HVA + page, frame);
    const road = roadOf(host);
    expect(ask(road, 0n)).toMatchObject({ id: 0, frame: 0x11 });
    expect(ask(road, 0x1fffn)).toMatchObject({ id: 0, frame: 0x12 });
    expect(ask(road, 0x2000n)).toMatchObject({ state: 'no-memslot', id: undefined, page: null });
    expect(ask(road, 0x4fffn)).toMatchObject({ id: 1, frame: 0x21 });
    expect(ask(road, 0x5000n)).toMatchObject({ state: 'no-memslot' });
    expect(ask(road, 0x100002fffn)).toMatchObject({ id: 2, frame: 0x33 });
    expect(ask(road, 0x100003000n)).toMatchObject({ state: 'no-memslot' });
  });

  test('a slot that would reach behind the end of all addresses is damage', () => {
    const host = new SyntheticHost();
    host.vmm(191, [slot(0, 0n, 2n, 0xfffffffffffff000n)]);
    expect(() => roadOf(host)).toThrow(/memslot/);
  });

  test('as many as the kernel allows: 32,767, the last of them too', () => {
    const host = new SyntheticHost();
    const slots = Array.from({ length: 32767 }, (_, id) =>
      slot(id, BigInt(id) * 0x10000n, 1n, HVA + BigInt(id) * PAGE),
    );
    const { tables } = host.vmm(191, slots);
    tables.map(HVA + 32766n * PAGE, 0x77);
    const road = roadOf(host);
    expect(road.slots.slots).toHaveLength(32767);
    expect(ask(road, 32766n * 0x10000n)).toMatchObject({ state: 'mapped', frame: 0x77, id: 32766 });
  });

  test('one more than that is damage', () => {
    const host = new SyntheticHost();
    host.vmm(
      191,
      Array.from({ length: 32768 }, (_, id) => slot(id & 0x7fff, BigInt(id) * 0x10000n, 1n)),
    );
    expect(() => roadOf(host)).toThrow(/more than 32767 slots/);
  });

  test('a tree that comes back to itself is damage', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(191, [slot(0, 0n, 1n), slot(1, 0x10000n, 1n), slot(2, 0x20000n, 1n)]);
    const memslots = host.pointer(vm + host.offset('kvm', 'memslots'));
    const root = host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node'));
    host.set('rb_node', host.pointer(root + host.offset('rb_node', 'rb_left')), { rb_left: root });
    expect(() => roadOf(host)).toThrow(/memslot tree: the node at 0x[0-9a-f]+ is met twice/);
  });

  test('a node that names another parent is damage', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(191, [slot(0, 0n, 1n), slot(1, 0x10000n, 1n), slot(2, 0x20000n, 1n)]);
    const memslots = host.pointer(vm + host.offset('kvm', 'memslots'));
    const root = host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node'));
    host.set('rb_node', host.pointer(root + host.offset('rb_node', 'rb_left')), { __rb_parent_color: root + 64n });
    expect(() => roadOf(host)).toThrow(/memslot tree: a node below 0x[0-9a-f]+ names 0x[0-9a-f]+ as its parent/);
  });

  test('a node that is not in the dump: the slots that are there are answered, and of no other is it said that there is none', () => {
    const host = new SyntheticHost();
    const { vm, tables } = host.vmm(191, [slot(0, 0n, 1n), slot(1, 0x10000n, 1n), slot(2, 0x20000n, 1n)]);
    tables.map(HVA, 0x123);
    const memslots = host.pointer(vm + host.offset('kvm', 'memslots'));
    const root = host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node'));
    host.set('rb_node', root, { rb_right: 0xffff888ffff00000n });
    const road = roadOf(host);
    expect(ask(road, 0n)).toMatchObject({ state: 'mapped', frame: 0x123 });
    expect(ask(road, 0x10000n)).toMatchObject({ id: 1 });
    for (const gpa of [0x20000n, 0x30000n])
      expect(ask(road, gpa)).toMatchObject({ state: 'slots-missing', reason: 'slot-unreadable' });
  });

  test('two slots over one frame are damage, with their numbers', () => {
    const host = new SyntheticHost();
    host.vmm(191, [slot(3, 0n, 4n), slot(7, 0x3000n, 4n)]);
    expect(() => roadOf(host)).toThrow(/memslots 3 and 7 both cover guest frame 0x3/);
  });

  test.each([
    ['more pages than a slot can have', { gpa: 0n, pages: 2n ** 31n, hva: HVA }],
    ['a userspace_addr inside a page', { gpa: 0n, pages: 1n, hva: HVA + 8n }],
  ])('%s is damage', (_name, wish) => {
    const host = new SyntheticHost();
    host.vmm(191, [{ id: 0, ...wish }]);
    expect(() => roadOf(host)).toThrow(/memslots? .*kernel memory at 0x/);
  });

  test("KVM's own slots (TSS, identity map, APIC page) are answered and marked", () => {
    const host = new SyntheticHost();
    const { tables } = host.vmm(191, [
      slot(32763, 0n, 1n),
      slot(32764, 0xfee00000n, 1n, HVA + 0x1000n),
      slot(32766, 0xfffbd000n, 3n, HVA + 0x2000n),
    ]);
    tables.map(HVA + 0x1000n, 0xab);
    const road = roadOf(host);
    expect(ask(road, 0xfee00000n)).toMatchObject({ state: 'mapped', frame: 0xab });
    expect(road.slots.slots.map(({ id, internal }) => [id, internal])).toEqual([
      [32763, false],
      [32764, true],
      [32766, true],
    ]);
  });

  test("SMM's address space is another", () => {
    const host = new SyntheticHost();
    const { address: mm, tables } = host.mm();
    const vm = host.vm(mm, [slot(0, 0xa0000n, 1n)], [slot(0, 0xa0000n, 1n, HVA + 0x5000n)]);
    host.task(191, 'qemu', mm, host.files({ 9: host.file(host.vmFops, vm, 'kvm-vm') }));
    tables.map(HVA, 0x1);
    tables.map(HVA + 0x5000n, 0x2);
    expect(ask(roadOf(host, 0), 0xa0000n)).toMatchObject({ frame: 1 });
    expect(ask(roadOf(host, 1), 0xa0000n)).toMatchObject({ frame: 2 });
    expect(() => roadOf(host, 2)).toThrow(/address space 2: this kernel's KVM has 2/);
  });

  test('the set of links that node_idx names is the one that counts', () => {
    for (const index of [0, 1] as const) {
      const host = new SyntheticHost();
      const { vm } = host.vmm(191, [slot(9, 0n, 1n)]);
      host.set('kvm', vm, { 'memslots[0]': host.memslots([slot(1, 0n, 1n), slot(2, 0x1000n, 1n)], index) });
      expect(roadOf(host).slots.slots.map(({ id }) => id)).toEqual([1, 2]);
    }
  });
});

describe('guest_memfd', () => {
  const GUEST_MEMFD = 4;
  const GMEM_ONLY = 1 << 17;
  const PRIVATE = (8n << 1n) | 1n;

  /** A slot of eight frames, all with pages at their HVAs; frames 2 and 3 have attributes. */
  function withAttributes(flags: number, attributes: Readonly<Record<number, bigint>> = {}) {
    const host = new SyntheticHost();
    const { vm, tables } = host.vmm(191, [slot(0, 0n, 8n, HVA, flags)]);
    for (let page = 0; page < 8; page++) tables.map(HVA + BigInt(page) * PAGE, 0x100 + page);
    for (const [frame, entry] of Object.entries(attributes))
      host.xarraySet(vm + host.offset('kvm', 'mem_attr_array.xa_head'), BigInt(frame), entry);
    return { host, vm };
  }

  test('a private page is not at its HVA, its shared neighbour is', () => {
    const road = roadOf(withAttributes(GUEST_MEMFD, { 2: PRIVATE }).host);
    expect(ask(road, 0x2000n)).toMatchObject({
      state: 'guest-memfd',
      reason: 'gmem-private',
      frame: null,
      page: Number(HVA / PAGE) + 2,
    });
    expect(ask(road, 0x3000n)).toMatchObject({ state: 'mapped', frame: 0x103 });
  });

  test('attributes other than private change nothing', () => {
    const road = roadOf(withAttributes(GUEST_MEMFD, { 2: (7n << 1n) | 1n, 3: PRIVATE }).host);
    expect(ask(road, 0x2000n)).toMatchObject({ state: 'mapped', frame: 0x102 });
    expect(ask(road, 0x3000n)).toMatchObject({ state: 'guest-memfd' });
  });

  test('in a slot that is the memfd alone no page is at its HVA', () => {
    for (const flags of [GUEST_MEMFD | GMEM_ONLY, GMEM_ONLY])
      expect(ask(roadOf(withAttributes(flags).host), 0x1000n)).toMatchObject({
        state: 'guest-memfd',
        reason: 'gmem-only',
        frame: null,
      });
  });

  test('what can not be known is not answered: an attribute that is no value', () => {
    const road = roadOf(withAttributes(GUEST_MEMFD, { 2: 0xffff888000000000n }).host);
    expect(ask(road, 0x2000n)).toMatchObject({
      state: 'guest-memfd',
      reason: 'gmem-attribute-unreadable',
      frame: null,
    });
  });

  test('... attributes on a page that the dump has not', () => {
    const { host, vm } = withAttributes(GUEST_MEMFD);
    host.u64(vm + host.offset('kvm', 'mem_attr_array.xa_head'), 0xffff888ffff00002n);
    expect(ask(roadOf(host), 0x2000n)).toMatchObject({ state: 'guest-memfd', reason: 'gmem-attribute-unreadable' });
  });

  test('... a kernel whose attributes are kept where this program does not look', () => {
    const btfTypes = new SyntheticHost().typesText().replace('struct xarray mem_attr_array', 'struct xarray elsewhere');
    const host = new SyntheticHost({ btfTypes });
    const { tables } = host.vmm(191, [slot(0, 0n, 8n, HVA, GUEST_MEMFD)]);
    tables.map(HVA, 0x100);
    expect(ask(roadOf(host), 0n)).toMatchObject({ state: 'guest-memfd', reason: 'gmem-attribute-unreadable' });
  });

  test('a slot without guest_memfd asks for no attribute', () => {
    const { host, vm } = withAttributes(0);
    host.u64(vm + host.offset('kvm', 'mem_attr_array.xa_head'), 0xffff888ffff00002n);
    expect(ask(roadOf(host), 0x2000n)).toMatchObject({ state: 'mapped', frame: 0x102 });
  });
});

describe('what is at an address', () => {
  /** One page whose entry at a level is given. */
  function entryAt(level: number, entry: bigint, options: HostOptions & { users?: number } = {}) {
    const host = new SyntheticHost(options);
    // An area of every type.
    for (let type = 0; type < Math.min(32, options.swapFiles ?? 24); type++) host.swapArea(type);
    const { address: mm, tables } = host.mm(options.users ?? 1);
    const vm = host.vm(mm, [slot(0, 0n, 0x40000n)]);
    host.task(191, 'qemu', mm, host.files({ 9: host.file(host.vmFops, vm, 'kvm-vm') }));
    tables.set(HVA + 0x5000n, level, entry);
    return { host, road: roadOf(host) };
  }
  const at = (frame: number) => BigInt(frame) * PAGE;

  test.each([
    ['a page', 0, at(0x123) | TABLE, { state: 'mapped', frame: 0x123, pageSize: 4096 }],
    ['a huge page', 1, at(0x1200) | TABLE | HUGE, { state: 'mapped', frame: 0x1205, pageSize: 2 ** 21 }],
    ['a gigantic page', 2, at(0x40000) | TABLE | HUGE, { state: 'mapped', frame: 0x40005, pageSize: 2 ** 30 }],
    ['a PROT_NONE page', 0, protNone(0x123), { state: 'mapped', frame: 0x123 }],
    ['nothing', 0, 0n, { state: 'not-present', reason: 'empty-entry', frame: null }],
    ['nothing, two levels up', 2, 0n, { state: 'not-present', reason: 'empty-entry' }],
    ['garbage', 3, at(0x5) | 0x10n, { state: 'damaged', reason: 'bad-entry' }],
    [
      'a table that is nowhere',
      1,
      at(0xdead) | TABLE,
      { state: 'table-missing', reason: 'table-outside', frame: null },
    ],
  ] as const)('%s', (_name, level, entry, expected) => {
    expect(ask(entryAt(level, entry).road, 0x5000n)).toMatchObject(expected);
  });

  test.each([
    ['a page', 0, at(0x90000) | TABLE],
    ['a huge page', 1, at(0x90000) | TABLE | HUGE],
    ['a table', 1, at(0x90000) | TABLE],
  ])('%s beyond the end of memory is damage, but for a device', (_name, level, entry) => {
    const road = (limit: number) => ask(entryAt(level, entry, { limit }).road, 0x5000n);
    expect(road(0x80000)).toMatchObject({ state: 'damaged', reason: 'bad-entry', frame: null });
    expect(road(0x100000).state).not.toBe('damaged');
  });

  test.each([
    [1, at(0x1200) | TABLE | HUGE | 0x2000n],
    [2, at(0x40000) | TABLE | HUGE | 0x100000n],
  ])('reserved bits in a leaf of level %i are damage', (level, entry) => {
    expect(ask(entryAt(level, entry).road, 0x5000n)).toMatchObject({ state: 'damaged', reason: 'bad-entry' });
  });

  // MAX_SWAPFILES 24, as in Debian's 7.2: HWPOISON, three of migration, three of devices, markers.
  test.each([
    [0, { state: 'swapped', swap: { type: 0, offset: 0x777, device: null } }],
    [23, { state: 'swapped', swap: { type: 23, offset: 0x777, device: null } }],
    [24, { state: 'poisoned', reason: 'hwpoison-entry', frame: 0x777 }],
    [25, { state: 'migrating', frame: 0x777 }],
    [26, { state: 'migrating', frame: 0x777 }],
    [27, { state: 'migrating', frame: 0x777 }],
    [28, { state: 'not-present', reason: 'device-private', frame: 0x777 }],
    [29, { state: 'not-present', reason: 'device-private' }],
    [30, { state: 'not-present', reason: 'device-exclusive', frame: 0x777 }],
    [31, { state: 'marker', reason: 'marker-entry', frame: null }],
  ])('a swap entry of type %i', (type, expected) => {
    expect(ask(entryAt(0, swapEntry(type, 0x777n), { swapFiles: 24 }).road, 0x5000n)).toMatchObject(expected);
  });

  // The mixtures of include/linux/swap.h since 5.19: p(oisoned), m(igrating), d(evice), marker M, not known '?'.
  const STATES = { p: 'poisoned', m: 'migrating', d: 'not-present', M: 'marker', '?': 'damaged' } as const;
  const [UP_TO_6_5, UP_TO_6_3] = [
    SMALL_KERNEL.replace('folio {\n', 'folio {\n  u8 _folio_dtor\n  pad 7\n') + KVM_TYPES,
    SMALL_KERNEL.replace('  ptr mem[7]\n', '') + KVM_TYPES,
  ];
  const NO_FOLIO = SMALL_KERNEL.replace(/folio \{[^}]*\}\n/, '') + KVM_TYPES;
  test.each([
    ['6.12 without devices', 27, 'pmmmM', {}],
    ['6.12', 23, 'pmmmddddM', {}],
    ['7.2', 24, 'pmmmdddM', {}],
    ['more than 6.6 can have', 28, '????', {}],
    ['6.4 without markers', 28, 'pmmm', { types: UP_TO_6_5 }],
    ['6.4 without markers, with devices', 24, 'pmmmdddd', { types: UP_TO_6_5 }],
    ['6.1 without devices', 26, 'pmmmMM', { types: UP_TO_6_3 }],
    ['6.1', 22, 'pmmmddddMM', { types: UP_TO_6_3 }],
    ['6.1 without markers, with devices', 23, 'pmmmddddM', { types: UP_TO_6_3 }],
    ['the same either way', 23, 'pmmmddddM', { types: NO_FOLIO }],
    ['four devices or three and a marker', 24, '????????', { types: NO_FOLIO }],
  ] as const)('special types of %s', (_name, swapFiles, states, options) => {
    const stateOf = (type: number) =>
      ask(entryAt(0, swapEntry(type, 1n), { swapFiles, ...options }).road, 0x5000n).state;
    const letters = states.split('') as (keyof typeof STATES)[];
    expect(letters.map((_, i) => stateOf(swapFiles + i))).toEqual(letters.map((letter) => STATES[letter]));
    expect(stateOf(swapFiles - 1)).toBe('swapped');
  });

  test.each([
    ['of an area that the host has', 7, 0xfffn, { state: 'swapped', swap: { type: 7, offset: 0xfff } }],
    ['behind the end of its area', 7, 0x1000n, { state: 'damaged', reason: 'bad-entry', frame: null }],
    ['of an area that the host has not', 8, 1n, { state: 'damaged', reason: 'bad-entry', frame: null }],
    ['of an area that was switched off', 9, 1n, { state: 'damaged', reason: 'bad-entry', frame: null }],
  ])('a swap entry %s', (_name, type, offset, expected) => {
    const { host, road } = entryAt(0, swapEntry(type, offset), { swapFiles: 24 });
    host.swapArea(7, 0x1000);
    host.u64(host.at('swap_info') + 8n * 8n, 0n);
    host.set('swap_info_struct', host.swapArea(9), { swap_file: 0 });
    expect(ask(road, 0x5000n)).toMatchObject(expected);
  });

  test('an area that is not in the dump is no reason to deny that the page is swapped', () => {
    const { host, road } = entryAt(0, swapEntry(7, 5n), { swapFiles: 24 });
    host.u64(host.at('swap_info') + 7n * 8n, 0xffff888ffff00000n);
    expect(ask(road, 0x5000n)).toMatchObject({ state: 'swapped', swap: { type: 7, offset: 5, device: null } });
  });

  test('padding behind swap_info is no type of swap: the other array of as many elements tells', () => {
    const { road } = entryAt(0, swapEntry(24, 5n), { swapFiles: 28, zswapTrees: 24 });
    expect(ask(road, 0x5000n)).toMatchObject({ state: 'damaged', frame: null });
    const agreed = entryAt(0, swapEntry(24, 5n), { swapFiles: 24, zswapTrees: 24 });
    expect(ask(agreed.road, 0x5000n)).toMatchObject({ state: 'poisoned', frame: 5 });
  });

  test('a swap entry above the lowest level is none: swap files hold pages', () => {
    expect(ask(entryAt(1, swapEntry(3, 0x200n)).road, 0x5000n)).toMatchObject({ state: 'damaged', frame: null });
  });

  test('where the length of swap_info makes no sense, only types that are swap in every kernel are', () => {
    expect(ask(entryAt(0, swapEntry(21, 1n), { swapFiles: 40 }).road, 0x5000n)).toMatchObject({ state: 'swapped' });
    expect(ask(entryAt(0, swapEntry(24, 1n), { swapFiles: 40 }).road, 0x5000n)).toMatchObject({
      state: 'damaged',
      frame: null,
    });
  });

  test('a huge page that was being moved: the frame of the page asked for; accessed and dirty bits are none of it', () => {
    const young = 1n << 34n;
    const { road } = entryAt(1, swapEntry(26, 0x1200n | young | (young << 1n)), { swapFiles: 24 });
    expect(ask(road, 0x5000n)).toMatchObject({ state: 'migrating', frame: 0x1205 });
  });

  test('an address space that is gone says so, one that was never touched does not', () => {
    expect(ask(entryAt(3, 0n, { users: 0 }).road, 0x5000n)).toMatchObject({
      state: 'not-present',
      reason: 'address-space-gone',
    });
    expect(ask(entryAt(3, 0n).road, 0x5000n)).toMatchObject({ state: 'not-present', reason: 'empty-entry' });
  });

  test.each([
    [4, 0x7ffffffff000n, 'not-present'],
    [4, 0x800000000000n, 'noncanonical'],
    [4, 0xffff888000000000n, 'noncanonical'],
    [4, 0xfffffffffffff000n, 'noncanonical'],
    [5, 0x800000000000n, 'not-present'],
    [5, 0xfffffffffff000n, 'not-present'],
    [5, 0x100000000000000n, 'noncanonical'],
  ] as const)('%i levels: an HVA of %p is %s', (levels, hva, state) => {
    const host = new SyntheticHost({ levels });
    host.vmm(191, [slot(0, 0n, 1n, hva)]);
    expect(ask(roadOf(host), 0n)).toMatchObject({ state });
  });

  test('a slot that runs out of the user half ends in noncanonical addresses, not in the kernel', () => {
    const host = new SyntheticHost();
    host.vmm(191, [slot(0, 0n, 4n, 0x7fffffffe000n)]);
    const road = roadOf(host);
    expect([0n, 0x1000n, 0x2000n, 0x3000n].map((gpa) => ask(road, gpa).state)).toEqual([
      'not-present',
      'not-present',
      'noncanonical',
      'noncanonical',
    ]);
  });
});
