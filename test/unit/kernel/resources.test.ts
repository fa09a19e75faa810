// SPDX-License-Identifier: Apache-2.0
// The tree of physical addresses, and trees that must not be believed.
import { expect, test } from '@jest/globals';
import { resourceAt } from '../../../src/kernel/resources.js';
import { SyntheticHost } from '../../build/host.js';
import { KVM_TYPES, SMALL_KERNEL } from '../../build/small-kernel.js';

const TYPES = `${SMALL_KERNEL}${KVM_TYPES}
resource {
  u64 start
  u64 end
  ptr name
  u64 flags
  u64 desc
  ptr parent
  ptr sibling
  ptr child
}
`;

type Range = readonly [start: number, end: number, name: string, ...inside: Range[]];

function hostOf(ranges: readonly Range[]): { host: SyntheticHost; made: Map<string, bigint> } {
  const host = new SyntheticHost({ types: TYPES });
  const made = new Map<string, bigint>();
  const chain = (list: readonly Range[]): bigint =>
    list.reduceRight((sibling, [start, end, name, ...inside]) => {
      const text = host.allocate(64);
      host.write(text, Buffer.from(`${name}\0`, 'latin1'));
      const flags = name === 'System RAM' ? 0x1000200 : 0x200;
      const at = host.make('resource', { start, end, name: text, flags, sibling, child: chain(inside) });
      made.set(name, at);
      return at;
    }, 0n);
  const root = host.at('linux_banner') + 0x400n;
  host.symbol('Diomem_resource', root);
  host.set('resource', root, { start: 0, end: (1n << 52n) - 1n, child: chain(ranges) });
  return { host, made };
}

const RANGES: readonly Range[] = [
  [0, 0xfff, 'Reserved'],
  [0x1000, 0x8fff, 'System RAM', [0x2000, 0x2fff, 'Kernel code']],
  [0x10000, 0x1ffff, 'bus', [0x11000, 0x11fff, 'card', [0x11100, 0x111ff, 'driver']], [0x13000, 0x13fff, 'other card']],
];

test.each([
  [0x800, 'Reserved', false],
  [0x1fff, 'System RAM', true],
  [0x2000, 'Kernel code', false],
  [0x9000, null, false],
  [0x10fff, 'bus', false],
  [0x110ff, 'card', false],
  [0x111ff, 'driver', false],
  [0x12000, 'bus', false],
  [0x13fff, 'other card', false],
  [0x20000, null, false],
])('%d is in %s', (address, name, isMemory) => {
  const found = resourceAt(hostOf(RANGES).host.open(), BigInt(address));
  expect([found?.name ?? null, found?.isMemory ?? false]).toEqual([name, isMemory]);
});

test.each<[string, Record<string, bigint | number | string>]>([
  ['is its own sibling', { sibling: 'card' }],
  ['ends before its start', { end: 0x10fff }],
  ['extends beyond the one above', { end: 0x20000 }],
  ['is not in order', { sibling: 'System RAM' }],
])('a resource that %s is damage', (_what, change) => {
  const { host, made } = hostOf(RANGES);
  const values = Object.fromEntries(
    Object.entries(change).map(([key, value]) => [key, typeof value === 'string' ? (made.get(value) ?? 0n) : value]),
  );
  host.set('resource', made.get('card') ?? 0n, values);
  expect(() => resourceAt(host.open(), 0x13000n)).toThrow(/^kernel memory at 0x.*: a resource is not in its place$/);
});
