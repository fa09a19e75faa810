// SPDX-License-Identifier: Apache-2.0
// What a page-table entry means for an address: pages, swap entries of every kind, markers, damage.
import { describe, expect, test } from '@jest/globals';
import { DumpError } from '../../../src/core/errors.js';
import { selectVm } from '../../../src/kvm/select.js';
import { MmSpace } from '../../../src/spaces/mm-space.js';
import { GuestTranslator } from '../../../src/translate/translator.js';
import { SyntheticHost } from '../../build/host.js';
import { HUGE, PAGE, protNone, swapEntry, TABLE } from '../../build/memory.js';
import type { HostOptions } from '../../build/options.js';
import { KVM_TYPES, SMALL_KERNEL } from '../../build/small-kernel.js';
import { ask, HVA, slot, translatorOf } from '../../build/translators.js';

describe('state of an address', () => {
  /** One page with a given entry at a level. */
  function hostWith(level: number, entry: bigint, options: HostOptions & { users?: number } = {}) {
    const host = new SyntheticHost(options);
    // A swap area of every type.
    for (let type = 0; type < Math.min(32, options.swapFiles ?? 24); type++) host.swapArea(type);
    const { address: mm, tables } = host.mm(options.users ?? 1);
    const vm = host.vm(mm, [slot(0, 0n, 0x40000n)]);
    host.task(191, 'qemu', mm, host.files({ 9: host.file(host.vmFops, vm, 'kvm-vm') }));
    tables.set(HVA + 0x5000n, level, entry);
    return host;
  }
  function entryAt(...given: Parameters<typeof hostWith>) {
    const host = hostWith(...given);
    return { host, translator: translatorOf(host) };
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
      'a table that is not in the dump',
      1,
      at(0xdead) | TABLE,
      { state: 'table-missing', reason: 'table-outside', frame: null },
    ],
  ] as const)('%s', (_name, level, entry, expected) => {
    expect(ask(entryAt(level, entry).translator, 0x5000n)).toMatchObject(expected);
  });

  test.each([
    ['a page', 0, at(0x90000) | TABLE],
    ['a huge page', 1, at(0x90000) | TABLE | HUGE],
    ['a table', 1, at(0x90000) | TABLE],
  ])('%s beyond the end of memory is damage, except for a device', (_name, level, entry) => {
    const translator = (limit: number) => ask(entryAt(level, entry, { limit }).translator, 0x5000n);
    expect(translator(0x80000)).toMatchObject({ state: 'damaged', reason: 'bad-entry', frame: null });
    expect(translator(0x100000).state).not.toBe('damaged');
  });

  test('memory that the kernel has but the dump lacks is not damage', () => {
    const known = (maxPfn: bigint) => {
      const host = hostWith(0, at(0x90000) | TABLE, { limit: 0x80000 });
      const variable = host.at('linux_banner') + 0x800n;
      host.symbol('bmax_pfn', variable);
      host.u64(variable, maxPfn);
      return ask(translatorOf(host), 0x5000n);
    };
    expect(known(0x100000n)).toMatchObject({ state: 'mapped', frame: 0x90000 });
    expect(known(0x90000n)).toMatchObject({ state: 'damaged' });
  });

  test.each([
    [1, at(0x1200) | TABLE | HUGE | 0x2000n],
    [2, at(0x40000) | TABLE | HUGE | 0x100000n],
  ])('reserved bits in a leaf of level %i are damage', (level, entry) => {
    expect(ask(entryAt(level, entry).translator, 0x5000n)).toMatchObject({ state: 'damaged', reason: 'bad-entry' });
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
    expect(ask(entryAt(0, swapEntry(type, 0x777n), { swapFiles: 24 }).translator, 0x5000n)).toMatchObject(expected);
  });

  // The mixtures of include/linux/swap.h since 5.19: p(oisoned), m(igrating), d(evice), marker M, unknown '?'.
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
    ['both mixtures agree', 23, 'pmmmddddM', { types: NO_FOLIO }],
    ['four devices or three and a marker', 24, '????????', { types: NO_FOLIO }],
  ] as const)('special types of %s', (_name, swapFiles, states, options) => {
    const stateOf = (type: number) =>
      ask(entryAt(0, swapEntry(type, 1n), { swapFiles, ...options }).translator, 0x5000n).state;
    const letters = states.split('') as (keyof typeof STATES)[];
    expect(letters.map((_, i) => stateOf(swapFiles + i))).toEqual(letters.map((letter) => STATES[letter]));
    expect(stateOf(swapFiles - 1)).toBe('swapped');
  });

  test.each([
    ['of an existing area', 7, 0xfffn, { state: 'swapped', swap: { type: 7, offset: 0xfff } }],
    ['after the end of its area', 7, 0x1000n, { state: 'damaged', reason: 'bad-entry', frame: null }],
    ['of an area that does not exist', 8, 1n, { state: 'damaged', reason: 'bad-entry', frame: null }],
    ['of an area that was switched off', 9, 1n, { state: 'damaged', reason: 'bad-entry', frame: null }],
  ])('a swap entry %s', (_name, type, offset, expected) => {
    const { host, translator } = entryAt(0, swapEntry(type, offset), { swapFiles: 24 });
    host.swapArea(7, 0x1000);
    host.u64(host.at('swap_info') + 8n * 8n, 0n);
    host.set('swap_info_struct', host.swapArea(9), { swap_file: 0 });
    expect(ask(translator, 0x5000n)).toMatchObject(expected);
  });

  test.each([
    ['a swap entry', swapEntry(7, 5n), { state: 'swapped', swap: { type: 7, offset: 5, device: null } }],
    ['a frame beyond the memory', at(0x1000000) | TABLE, { state: 'damaged', frame: null }],
  ])('%s is answered without symbols that the dump lacks', (_name, entry, expected) => {
    const opened = hostWith(0, entry, { swapFiles: 24 }).open();
    const { frames } = opened;
    const memory = { frame: frames.frame.bind(frames), why: frames.why.bind(frames), limit: 0x100000 };
    const { vm } = selectVm(opened, '191', null);
    const translator = new GuestTranslator(vm, 0, new MmSpace({ ...opened, frames: memory }, vm.mm));
    opened.symbols.get = (name) => {
      throw new DumpError(`kallsyms: ${name} is not in the dump`);
    };
    expect(ask(translator, 0x5000n)).toMatchObject(expected);
  });

  test('a page is swapped even if the swap area is not in the dump', () => {
    const { host, translator } = entryAt(0, swapEntry(7, 5n), { swapFiles: 24 });
    host.u64(host.at('swap_info') + 7n * 8n, 0xffff888ffff00000n);
    expect(ask(translator, 0x5000n)).toMatchObject({ state: 'swapped', swap: { type: 7, offset: 5, device: null } });
  });

  test('padding after swap_info is not a swap type: another array of the same length shows it', () => {
    const { translator } = entryAt(0, swapEntry(24, 5n), { swapFiles: 28, zswapTrees: 24 });
    expect(ask(translator, 0x5000n)).toMatchObject({ state: 'damaged', frame: null });
    const agreed = entryAt(0, swapEntry(24, 5n), { swapFiles: 24, zswapTrees: 24 });
    expect(ask(agreed.translator, 0x5000n)).toMatchObject({ state: 'poisoned', frame: 5 });
  });

  test('a swap entry above the lowest level is damage: swap areas contain pages', () => {
    expect(ask(entryAt(1, swapEntry(3, 0x200n)).translator, 0x5000n)).toMatchObject({ state: 'damaged', frame: null });
  });

  test('if the length of swap_info is implausible, only types that are swap in every kernel are used', () => {
    expect(ask(entryAt(0, swapEntry(21, 1n), { swapFiles: 40 }).translator, 0x5000n)).toMatchObject({
      state: 'swapped',
    });
    expect(ask(entryAt(0, swapEntry(24, 1n), { swapFiles: 40 }).translator, 0x5000n)).toMatchObject({
      state: 'damaged',
      frame: null,
    });
  });

  test('a huge page that was being moved: the frame of the requested page, without accessed and dirty bits', () => {
    const young = 1n << 34n;
    const { translator } = entryAt(1, swapEntry(26, 0x1200n | young | (young << 1n)), { swapFiles: 24 });
    expect(ask(translator, 0x5000n)).toMatchObject({ state: 'migrating', frame: 0x1205 });
  });

  test('an address space that no longer exists is reported, one that was never touched is not', () => {
    expect(ask(entryAt(3, 0n, { users: 0 }).translator, 0x5000n)).toMatchObject({
      state: 'not-present',
      reason: 'address-space-gone',
    });
    expect(ask(entryAt(3, 0n).translator, 0x5000n)).toMatchObject({ state: 'not-present', reason: 'empty-entry' });
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
    expect(ask(translatorOf(host), 0n)).toMatchObject({ state });
  });

  test('a slot beyond the user half has noncanonical addresses, not those of the kernel', () => {
    const host = new SyntheticHost();
    host.vmm(191, [slot(0, 0n, 4n, 0x7fffffffe000n)]);
    const translator = translatorOf(host);
    expect([0n, 0x1000n, 0x2000n, 0x3000n].map((gpa) => ask(translator, gpa).state)).toEqual([
      'not-present',
      'not-present',
      'noncanonical',
      'noncanonical',
    ]);
  });
});
