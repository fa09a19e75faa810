// SPDX-License-Identifier: Apache-2.0
// Memory slots, on hosts put together by hand.
import { describe, expect, test } from '@jest/globals';
import { SyntheticHost } from '../../build/host.js';
import { PAGE } from '../../build/memory.js';
import { ask, HVA, roadOf, slot } from '../../build/roads.js';

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

  test('a slot without pages in the tree is damage: zeros where the dump lost something', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(191, [slot(5, 0n, 1n)]);
    const memslots = host.pointer(vm + host.offset('kvm', 'memslots'));
    const root = host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node'));
    const node = host.offset('kvm_memory_slot', 'gfn_node[1]');
    host.write(root - node, new Uint8Array(host.layouts.size('kvm_memory_slot')));
    expect(() => roadOf(host)).toThrow(/memslot 0 has no pages, but is in use: the dump is damaged there/);
  });

  /** Three slots, the first of them below the second, which is the tree's root. */
  function three() {
    const host = new SyntheticHost();
    const { vm, tables } = host.vmm(191, [slot(0, 0n, 1n), slot(1, 0x10000n, 1n), slot(2, 0x20000n, 1n)]);
    tables.map(HVA, 0x123);
    const memslots = host.pointer(vm + host.offset('kvm', 'memslots'));
    return { host, vm, memslots, root: host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node')) };
  }
  const LOST = 0xffff888ffff00000n;

  test('a node that is not in the dump: what hangs below it is found by its id', () => {
    const { host, vm, memslots } = three();
    host.set('kvm_memslots', memslots, { 'gfn_tree.rb_node': LOST });
    const road = roadOf(host);
    expect(ask(road, 0n)).toMatchObject({ state: 'mapped', frame: 0x123 });
    expect(ask(road, 0x20000n)).toMatchObject({ id: 2 });
    // There are as many pages as struct kvm counts, so these are all slots.
    expect(ask(road, 0x30000n)).toMatchObject({ state: 'no-memslot' });
    host.set('kvm', vm, { nr_memslot_pages: 4n });
    expect(ask(roadOf(host), 0x30000n)).toMatchObject({ state: 'slots-missing', reason: 'slot-unreadable' });
  });

  test('... and those in front of what is lost in the chains of ids too', () => {
    const { host, memslots, root } = three();
    host.set('rb_node', root, { rb_right: LOST });
    for (let bucket = 0; bucket < 128; bucket++)
      host.set('kvm_memslots', memslots, { [`id_hash[${bucket}]`]: bucket % 2 === 0 ? LOST : 0n });
    const road = roadOf(host);
    expect(ask(road, 0n)).toMatchObject({ state: 'mapped', frame: 0x123 });
    expect(ask(road, 0x10000n)).toMatchObject({ id: 1 });
    for (const gpa of [0x20000n, 0x30000n])
      expect(ask(road, gpa)).toMatchObject({ state: 'slots-missing', reason: 'slot-unreadable' });
  });

  test('chains of ids that do not point back, or come back to themselves, end there', () => {
    const { host, memslots, root } = three();
    host.set('rb_node', root, { rb_right: LOST });
    for (let bucket = 0; bucket < 8; bucket++) {
      const node = host.pointer(memslots + host.offset('kvm_memslots', `id_hash[${bucket}]`));
      if (node !== 0n) host.set('hlist_node', node, { next: node });
    }
    expect(roadOf(host).slots.slots.map(({ id }) => id)).toEqual([0, 1, 2]);
  });

  test('fewer pages than struct kvm counts: of no address is it said that there is no slot', () => {
    const { host, memslots } = three();
    host.set('kvm_memslots', memslots, { 'gfn_tree.rb_node': 0n });
    const road = roadOf(host);
    expect(ask(road, 0n)).toMatchObject({ state: 'slots-missing' });
    expect(road.slots.missing).toBe('struct kvm counts 0x3 pages in memslots, there are 0x0');
  });

  test('more pages than it counts are damage, unless one slot was just being made', () => {
    const { host, vm } = three();
    host.set('kvm', vm, { nr_memslot_pages: 2n });
    expect(ask(roadOf(host), 0n)).toMatchObject({ state: 'mapped' });
    host.set('kvm', vm, { nr_memslot_pages: 1n });
    expect(() => roadOf(host)).toThrow(
      /struct kvm counts 0x1 pages in memslots, there are 0x3: the dump is damaged there/,
    );
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
    expect(() => roadOf(host, 2)).toThrow(/address space 2 does not exist; valid: 0, 1/);
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
