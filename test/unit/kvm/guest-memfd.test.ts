// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import { SyntheticHost } from '../../build/host.js';
import { PAGE } from '../../build/memory.js';
import { ask, HVA, slot, translatorOf } from '../../build/translators.js';

describe('guest_memfd', () => {
  const GUEST_MEMFD = 4;
  const GMEM_ONLY = 1 << 17;
  const PRIVATE = (8n << 1n) | 1n;

  /** A slot of eight frames, all mapped at their HVAs; frames 2 and 3 have attributes. */
  function withAttributes(flags: number, attributes: Readonly<Record<number, bigint>> = {}) {
    const host = new SyntheticHost();
    const { vm, tables } = host.vmm(191, [slot(0, 0n, 8n, HVA, flags)]);
    for (let page = 0; page < 8; page++) tables.map(HVA + BigInt(page) * PAGE, 0x100 + page);
    for (const [frame, entry] of Object.entries(attributes))
      host.xarraySet(vm + host.offset('kvm', 'mem_attr_array.xa_head'), BigInt(frame), entry);
    return { host, vm };
  }

  test('a private page is not at its HVA, but its shared neighbour is', () => {
    const translator = translatorOf(withAttributes(GUEST_MEMFD, { 2: PRIVATE }).host);
    expect(ask(translator, 0x2000n)).toMatchObject({
      state: 'guest-memfd',
      reason: 'gmem-private',
      frame: null,
      page: Number(HVA / PAGE) + 2,
    });
    expect(ask(translator, 0x3000n)).toMatchObject({ state: 'mapped', frame: 0x103 });
  });

  test('other attributes than private are ignored', () => {
    const translator = translatorOf(withAttributes(GUEST_MEMFD, { 2: (7n << 1n) | 1n, 3: PRIVATE }).host);
    expect(ask(translator, 0x2000n)).toMatchObject({ state: 'mapped', frame: 0x102 });
    expect(ask(translator, 0x3000n)).toMatchObject({ state: 'guest-memfd' });
  });

  test('in a slot with only guest_memfd no page is at its HVA', () => {
    for (const flags of [GUEST_MEMFD | GMEM_ONLY, GMEM_ONLY])
      expect(ask(translatorOf(withAttributes(flags).host), 0x1000n)).toMatchObject({
        state: 'guest-memfd',
        reason: 'gmem-only',
        frame: null,
      });
  });

  test('no answer if an attribute is not a value', () => {
    const translator = translatorOf(withAttributes(GUEST_MEMFD, { 2: 0xffff888000000000n }).host);
    expect(ask(translator, 0x2000n)).toMatchObject({
      state: 'guest-memfd',
      reason: 'gmem-attribute-unreadable',
      frame: null,
    });
  });

  test('no answer if attributes are on a page that is not in the dump', () => {
    const { host, vm } = withAttributes(GUEST_MEMFD);
    host.u64(vm + host.offset('kvm', 'mem_attr_array.xa_head'), 0xffff888ffff00002n);
    expect(ask(translatorOf(host), 0x2000n)).toMatchObject({
      state: 'guest-memfd',
      reason: 'gmem-attribute-unreadable',
    });
  });

  test('no answer if the kernel has no known member with attributes', () => {
    const btfTypes = new SyntheticHost().typesText().replace('struct xarray mem_attr_array', 'struct xarray elsewhere');
    const host = new SyntheticHost({ btfTypes });
    const { tables } = host.vmm(191, [slot(0, 0n, 8n, HVA, GUEST_MEMFD)]);
    tables.map(HVA, 0x100);
    expect(ask(translatorOf(host), 0n)).toMatchObject({ state: 'guest-memfd', reason: 'gmem-attribute-unreadable' });
  });

  test('for a slot without guest_memfd no attribute is read', () => {
    const { host, vm } = withAttributes(0);
    host.u64(vm + host.offset('kvm', 'mem_attr_array.xa_head'), 0xffff888ffff00002n);
    expect(ask(translatorOf(host), 0x2000n)).toMatchObject({ state: 'mapped', frame: 0x102 });
  });
});
