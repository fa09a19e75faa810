// SPDX-License-Identifier: Apache-2.0
// Memslots, on synthetic hosts.
import { describe, expect, test } from '@jest/globals';
import { type SlotWish, SyntheticHost } from '../../build/host.js';
import { PAGE } from '../../build/memory.js';
import { ERAS } from '../../build/old-kernels.js';
import { ask, HVA, slot, translatorOf } from '../../build/translators.js';

describe('slots', () => {
  test('an address belongs to the slot that contains it, from the first to the last byte', () => {
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
    const translator = translatorOf(host);
    expect(ask(translator, 0n)).toMatchObject({ id: 0, frame: 0x11 });
    expect(ask(translator, 0x1fffn)).toMatchObject({ id: 0, frame: 0x12 });
    expect(ask(translator, 0x2000n)).toMatchObject({ state: 'no-memslot', id: undefined, page: null });
    expect(ask(translator, 0x4fffn)).toMatchObject({ id: 1, frame: 0x21 });
    expect(ask(translator, 0x5000n)).toMatchObject({ state: 'no-memslot' });
    expect(ask(translator, 0x100002fffn)).toMatchObject({ id: 2, frame: 0x33 });
    expect(ask(translator, 0x100003000n)).toMatchObject({ state: 'no-memslot' });
  });

  test('a slot beyond the end of the address space is damage', () => {
    const host = new SyntheticHost();
    host.vmm(191, [slot(0, 0n, 2n, 0xfffffffffffff000n)]);
    expect(() => translatorOf(host)).toThrow(/memslot/);
  });

  test('as many slots as the kernel allows, 32,767, are read', () => {
    const host = new SyntheticHost();
    const slots = Array.from({ length: 32767 }, (_, id) =>
      slot(id, BigInt(id) * 0x10000n, 1n, HVA + BigInt(id) * PAGE),
    );
    const { tables } = host.vmm(191, slots);
    tables.map(HVA + 32766n * PAGE, 0x77);
    const translator = translatorOf(host);
    expect(translator.slots.slots).toHaveLength(32767);
    expect(ask(translator, 32766n * 0x10000n)).toMatchObject({ state: 'mapped', frame: 0x77, id: 32766 });
  });

  test('one more slot is damage', () => {
    const host = new SyntheticHost();
    host.vmm(
      191,
      Array.from({ length: 32768 }, (_, id) => slot(id & 0x7fff, BigInt(id) * 0x10000n, 1n)),
    );
    expect(() => translatorOf(host)).toThrow(/more than 32767 slots/);
  });

  test('a tree with a loop is damage', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(191, [slot(0, 0n, 1n), slot(1, 0x10000n, 1n), slot(2, 0x20000n, 1n)]);
    const memslots = host.pointer(vm + host.offset('kvm', 'memslots'));
    const root = host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node'));
    host.set('rb_node', host.pointer(root + host.offset('rb_node', 'rb_left')), { rb_left: root });
    expect(() => translatorOf(host)).toThrow(/memslot tree: the node at 0x[0-9a-f]+ occurs twice/);
  });

  test('a node that names another parent is damage', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(191, [slot(0, 0n, 1n), slot(1, 0x10000n, 1n), slot(2, 0x20000n, 1n)]);
    const memslots = host.pointer(vm + host.offset('kvm', 'memslots'));
    const root = host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node'));
    host.set('rb_node', host.pointer(root + host.offset('rb_node', 'rb_left')), { __rb_parent_color: root + 64n });
    expect(() => translatorOf(host)).toThrow(/memslot tree: a node below 0x[0-9a-f]+ names 0x[0-9a-f]+ as its parent/);
  });

  test('a slot without pages in the tree is damage (zeros where the dump lost a page)', () => {
    const host = new SyntheticHost();
    const { vm } = host.vmm(191, [slot(5, 0n, 1n)]);
    const memslots = host.pointer(vm + host.offset('kvm', 'memslots'));
    const root = host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node'));
    const node = host.offset('kvm_memory_slot', 'gfn_node[1]');
    host.write(root - node, new Uint8Array(host.layouts.size('kvm_memory_slot')));
    expect(() => translatorOf(host)).toThrow(/memslot 0 has no pages, but is in use: the dump is damaged there/);
  });

  /** Three slots; the first is below the second, which is the tree's root. */
  function three() {
    const host = new SyntheticHost();
    const { vm, tables } = host.vmm(191, [slot(0, 0n, 1n), slot(1, 0x10000n, 1n), slot(2, 0x20000n, 1n)]);
    tables.map(HVA, 0x123);
    const memslots = host.pointer(vm + host.offset('kvm', 'memslots'));
    return { host, vm, memslots, root: host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node')) };
  }
  const LOST = 0xffff888ffff00000n;

  test('if a node is not in the dump, the slots below it are found by their ids', () => {
    const { host, vm, memslots } = three();
    host.set('kvm_memslots', memslots, { 'gfn_tree.rb_node': LOST });
    const translator = translatorOf(host);
    expect(ask(translator, 0n)).toMatchObject({ state: 'mapped', frame: 0x123 });
    expect(ask(translator, 0x20000n)).toMatchObject({ id: 2 });
    // The slots have as many pages as struct kvm records, so no slot is missing.
    expect(ask(translator, 0x30000n)).toMatchObject({ state: 'no-memslot' });
    host.set('kvm', vm, { nr_memslot_pages: 4n });
    expect(ask(translatorOf(host), 0x30000n)).toMatchObject({ state: 'slots-missing', reason: 'slot-unreadable' });
  });

  test('if a node of a chain of ids is lost, the slots before it are found', () => {
    const { host, memslots, root } = three();
    host.set('rb_node', root, { rb_right: LOST });
    for (let bucket = 0; bucket < 128; bucket++)
      host.set('kvm_memslots', memslots, { [`id_hash[${bucket}]`]: bucket % 2 === 0 ? LOST : 0n });
    const translator = translatorOf(host);
    expect(ask(translator, 0n)).toMatchObject({ state: 'mapped', frame: 0x123 });
    expect(ask(translator, 0x10000n)).toMatchObject({ id: 1 });
    for (const gpa of [0x20000n, 0x30000n])
      expect(ask(translator, gpa)).toMatchObject({ state: 'slots-missing', reason: 'slot-unreadable' });
  });

  test('chains of ids end at a node that does not point back, or that occurred before', () => {
    const { host, memslots, root } = three();
    host.set('rb_node', root, { rb_right: LOST });
    for (let bucket = 0; bucket < 8; bucket++) {
      const node = host.pointer(memslots + host.offset('kvm_memslots', `id_hash[${bucket}]`));
      if (node !== 0n) host.set('hlist_node', node, { next: node });
    }
    expect(translatorOf(host).slots.slots.map(({ id }) => id)).toEqual([0, 1, 2]);
  });

  /** Changes a member of the slot with an id, in all places where the tree's slots have it. */
  function change(host: SyntheticHost, memslots: bigint, id: number, values: Record<string, bigint>): void {
    const node = host.offset('kvm_memory_slot', 'gfn_node[1]');
    const visit = (at: bigint): void => {
      if (at === 0n) return;
      const slotAt = at - node;
      if ((host.pointer(slotAt + host.offset('kvm_memory_slot', 'id')) & 0xffffn) === BigInt(id))
        host.set('kvm_memory_slot', slotAt, values);
      visit(host.pointer(at + host.offset('rb_node', 'rb_left')));
      visit(host.pointer(at + host.offset('rb_node', 'rb_right')));
    };
    visit(host.pointer(memslots + host.offset('kvm_memslots', 'gfn_tree.rb_node')));
  }

  test.each([
    [0, 0x20001, 'memslots 0 and 1 are not in the order of their guest frames'],
    [0, 0x15, 'memslots 0 and 1 are not in the order of their guest frames'],
    [1, 0, 'memslots 0 and 1 both cover guest frame 0x0'],
    [1, 0x21, 'memslots 1 and 2 are not in the order of their guest frames'],
    [2, 5, 'memslots 1 and 2 are not in the order of their guest frames'],
  ])('slot %i moved to frame %i is not where the tree has it', (id, frame, damage) => {
    const { host, memslots } = three();
    change(host, memslots, id, { base_gfn: BigInt(frame) });
    expect(() => translatorOf(host)).toThrow(damage);
  });

  test.each(Object.entries(ERAS).filter(([, { options }]) => options.types?.includes('used_slots')))(
    '%s: a slot in the array that is not in the order of guest frames is damage',
    (_name, { options }) => {
      const slots = [slot(0, 0n, 1n), slot(1, 0x10000n, 1n), slot(2, 0x20000n, 1n)];
      for (const [place, frame, damage] of [
        [0, 0x11, null],
        [0, 5, 'memslots 1 and 2 are not in the order'],
        [1, 0x21, 'memslots 1 and 2 are not in the order'],
        [2, 0x30, 'memslots 0 and 1 are not in the order'],
      ] as const) {
        const host = new SyntheticHost({ ...options, noBtf: false });
        const { vm } = host.vmm(191, slots);
        const set = host.pointer(vm + host.offset('kvm', 'memslots'));
        const at = host.layouts.at('kvm_memslots', 'memslots');
        const size = at.type.kind === 'array' ? host.layouts.size(at.type.of) : 0;
        const changed = set + BigInt(at.offset + place * size);
        host.set('kvm_memory_slot', changed, { base_gfn: BigInt(frame) });
        if (damage === null) expect(ask(translatorOf(host), 0x11000n)).toMatchObject({ id: 2 });
        else expect(() => translatorOf(host)).toThrow(damage);
      }
    },
  );

  test('slots that only the hash table of ids has must be where slots of the tree are missing', () => {
    const { host, memslots, root } = three();
    host.set('rb_node', root, { rb_left: LOST });
    expect(ask(translatorOf(host), 0n)).toMatchObject({ state: 'mapped', frame: 0x123, id: 0 });
    const [first] = [...Array(8).keys()]
      .map((i) => host.pointer(memslots + host.offset('kvm_memslots', `id_hash[${i}]`)))
      .flatMap((node) => (node === 0n ? [] : [node - host.offset('kvm_memory_slot', 'id_node[1]')]))
      .filter((at) => host.pointer(at + host.offset('kvm_memory_slot', 'base_gfn')) === 0n);
    host.set('kvm_memory_slot', first as bigint, { base_gfn: 0x30n });
    expect(() => translatorOf(host)).toThrow(/memslot 0 is not where slots of the tree are missing/);
  });

  test.each([
    ['another userspace_addr', { userspace_addr: HVA + PAGE }],
    ['a userspace_addr of zeros', { userspace_addr: 0n }],
    ['another number of pages', { npages: 2n }],
  ])('%s: not what the tree of addresses has, so damage', (_name, values) => {
    const { host, memslots } = three();
    change(host, memslots, 1, values);
    expect(() => translatorOf(host)).toThrow(/memslot 1 has 0x. pages at 0x[0-9a-f]+, but hva_node has 0x/);
  });

  test('with fewer pages than struct kvm records, no address is reported as having no slot', () => {
    const { host, memslots } = three();
    host.set('kvm_memslots', memslots, { 'gfn_tree.rb_node': 0n });
    const translator = translatorOf(host);
    expect(ask(translator, 0n)).toMatchObject({ state: 'slots-missing' });
    expect(translator.slots.missing).toBe('struct kvm records 0x3 pages in memslots, but 0x0 were found');
  });

  test('more pages than it records are damage, unless one slot was being created', () => {
    const { host, vm } = three();
    host.set('kvm', vm, { nr_memslot_pages: 2n });
    expect(ask(translatorOf(host), 0n)).toMatchObject({ state: 'mapped' });
    host.set('kvm', vm, { nr_memslot_pages: 1n });
    expect(() => translatorOf(host)).toThrow(
      /struct kvm records 0x1 pages in memslots, but 0x3 were found: the dump is damaged there/,
    );
  });

  test('two slots that cover one frame are damage, reported with their ids', () => {
    const host = new SyntheticHost();
    host.vmm(191, [slot(3, 0n, 4n), slot(7, 0x3000n, 4n)]);
    expect(() => translatorOf(host)).toThrow(/memslots 3 and 7 both cover guest frame 0x3/);
  });

  test.each([
    ['more pages than a slot can have', { gpa: 0n, pages: 2n ** 31n }],
    ['guest addresses above 2^52', { gpa: 2n ** 52n - PAGE, pages: 2n }],
    ['a userspace_addr inside a page', { hva: HVA + 8n }],
    ['an id that KVM does not give', { id: 32767 }],
    ['a flag that KVM does not know', { flags: 8 }],
    ['another one', { flags: 0x80000001 }],
  ])('%s is damage', (_name, wish) => {
    const host = new SyntheticHost();
    host.vmm(191, [{ ...slot(0, 0n, 1n), ...wish }]);
    expect(() => translatorOf(host)).toThrow(/memslots? .*kernel memory at 0x/);
  });

  test('the last guest addresses, and all flags that KVM knows', () => {
    const host = new SyntheticHost();
    host.vmm(191, [slot(0, 2n ** 52n - PAGE, 1n, HVA, 0x30007)]);
    expect(translatorOf(host).slots.slots).toMatchObject([{ first: 2 ** 40 - 1, flags: 0x30007 }]);
  });

  test.each(Object.entries(ERAS))(
    '%s: flags of guest_memfd, an address of zeros and an id twice are damage',
    (name, { options }) => {
      const said = (...slots: SlotWish[]): string => {
        const host = new SyntheticHost({ ...options, noBtf: false });
        host.vmm(191, slots);
        try {
          return String(translatorOf(host).slots.slots.length);
        } catch (error) {
          return String(error);
        }
      };
      expect(said(slot(1, 0n, 1n, HVA, 3), slot(2, PAGE, 1n, HVA))).toBe('2');
      expect(said(slot(1, 0n, 1n, HVA, 4))).toMatch(/flags of a memslot can't be 0x4/);
      expect(said(slot(1, 0n, 1n, 0n))).toMatch(/userspace_addr of memslot 1 can't be 0/);
      // Before id_to_index the id of a slot is its place; id_to_index contradicts an id that occurs twice.
      if (options.types?.includes('id_to_index') === true)
        expect(said(slot(1, 0n, 1n), slot(1, PAGE, 1n))).toMatch(/memslot 1 is at index \d, but id_to_index has \d/);
      else expect(name).toMatch(/2\.6|RHEL 6/);
    },
  );

  test('an id twice in a tree is damage', () => {
    const host = new SyntheticHost();
    host.vmm(191, [slot(1, 0n, 1n), slot(1, PAGE, 1n)]);
    expect(() => translatorOf(host)).toThrow(/two memslots have the id 1: the dump is damaged there/);
  });

  test("KVM's own slots (TSS, identity map, APIC page) are translated and marked", () => {
    const host = new SyntheticHost();
    const { tables } = host.vmm(191, [
      slot(32763, 0n, 1n),
      slot(32764, 0xfee00000n, 1n, HVA + 0x1000n),
      slot(32766, 0xfffbd000n, 3n, HVA + 0x2000n),
    ]);
    tables.map(HVA + 0x1000n, 0xab);
    const translator = translatorOf(host);
    expect(ask(translator, 0xfee00000n)).toMatchObject({ state: 'mapped', frame: 0xab });
    expect(translator.slots.slots.map(({ id, internal }) => [id, internal])).toEqual([
      [32763, false],
      [32764, true],
      [32766, true],
    ]);
  });

  test('SMM has its own address space', () => {
    const host = new SyntheticHost();
    const { address: mm, tables } = host.mm();
    const vm = host.vm(mm, [slot(0, 0xa0000n, 1n)], [slot(0, 0xa0000n, 1n, HVA + 0x5000n)]);
    host.task(191, 'qemu', mm, host.files({ 9: host.file(host.vmFops, vm, 'kvm-vm') }));
    tables.map(HVA, 0x1);
    tables.map(HVA + 0x5000n, 0x2);
    expect(ask(translatorOf(host, 0), 0xa0000n)).toMatchObject({ frame: 1 });
    expect(ask(translatorOf(host, 1), 0xa0000n)).toMatchObject({ frame: 2 });
    expect(() => translatorOf(host, 2)).toThrow(/address space 2 does not exist; valid: 0, 1/);
  });

  test('the links that node_idx selects are used', () => {
    for (const index of [0, 1] as const) {
      const host = new SyntheticHost();
      const { vm } = host.vmm(191, [slot(9, 0n, 1n)]);
      host.set('kvm', vm, { 'memslots[0]': host.memslots([slot(1, 0n, 1n), slot(2, 0x1000n, 1n)], index) });
      expect(translatorOf(host).slots.slots.map(({ id }) => id)).toEqual([1, 2]);
    }
  });
});
