// SPDX-License-Identifier: Apache-2.0
// NUMA nodes of frames: spans with gaps, and spans that overlap, where struct page decides.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Bytes } from '../../../src/core/bytes.js';
import { DumpError } from '../../../src/core/errors.js';
import type { Host } from '../../../src/kernel/host.js';
import { NodeMap, stretchesOf } from '../../../src/kernel/node-map.js';
import { ProfileTypes, parseProfile } from '../../../src/types/profile.js';
import { ROOT } from '../../run.js';

const LAYOUT = '6.12.107+deb13-amd64.json';
const types = new ProfileTypes(
  LAYOUT,
  parseProfile(readFileSync(join(ROOT, 'src', 'layouts', LAYOUT), 'utf8'), LAYOUT),
);
const offsetOf = (struct: string, member: string): number => types.member(struct, member)?.offset ?? NaN;

const NODE_DATA = 0x1000;
const PGLIST = 0x100000;
const VMEMMAP = 0x10000000;
const SPAN = 0x40000;
const PAGE = 64;

interface Node {
  /** The number that it has itself; default: `id`. */
  readonly own?: number;
  readonly id: number;
  readonly first: number;
  readonly pages: number;
}

/** A host with these nodes of at most `most`, whose struct page says the node `told`; null if it is not in the dump. */
function hostOf(nodes: readonly Node[], told: (frame: number) => number | null = () => null, most = 64): Host {
  const words = new Map<number, bigint>();
  for (const { id, own = id, first, pages } of nodes) {
    words.set(NODE_DATA + id * 8, BigInt(PGLIST + id * SPAN));
    words.set(PGLIST + id * SPAN + offsetOf('pglist_data', 'node_id'), BigInt(own));
    words.set(PGLIST + id * SPAN + offsetOf('pglist_data', 'node_start_pfn'), BigInt(first));
    words.set(PGLIST + id * SPAN + offsetOf('pglist_data', 'node_spanned_pages'), BigInt(pages));
  }
  const shift = BigInt(64 - Math.log2(most));
  const read = (address: bigint, length: number) => {
    const whole = Buffer.alloc(Math.ceil(length / 8) * 8);
    const bytes = whole.subarray(0, length);
    const at = Number(address);
    for (let i = 0; i < length; i += 8) whole.writeBigUInt64LE(words.get(at + i) ?? 0n, i);
    if (at >= VMEMMAP) {
      const node = told((at - VMEMMAP) / PAGE);
      if (node === null) return { reason: 'unmapped' };
      bytes.writeBigUInt64LE(BigInt.asUintN(64, (BigInt(node) << shift) | 0x23n), offsetOf('page', 'flags'));
    }
    return Bytes.of(bytes, { source: 'test', offset: address });
  };
  const symbols = new Map([['node_data', BigInt(NODE_DATA)]]);
  const info = {
    symbol: (name: string) => (name === 'vmemmap' ? BigInt(VMEMMAP) : null),
    length: (name: string) => (name === 'node_data' ? most : null),
  };
  return { types, symbols, info, memory: { read }, frames: {} } as unknown as Host;
}

const nodesOf = (map: NodeMap, frames: readonly number[]): (number | null)[] =>
  frames.map((frame) => map.nodeOf(frame));

test('spans with a gap: memory between and above them is of no node', () => {
  const map = new NodeMap(
    hostOf([
      { id: 0, first: 1, pages: 99 },
      { id: 2, first: 200, pages: 100 },
      { id: 3, first: 0, pages: 0 },
    ]),
  );
  expect(nodesOf(map, [0, 1, 99, 100, 199, 200, 299, 300, 2 ** 39])).toEqual([
    null,
    0,
    0,
    null,
    null,
    2,
    2,
    null,
    null,
  ]);
  expect([map.nodeOf(50), map.end]).toEqual([0, 100]);
  expect([map.nodeOf(100), map.end]).toEqual([null, 200]);
  expect(map.problems).toEqual([]);
});

describe('where the memory of a node lies on both sides of that of another', () => {
  const nodes = [
    { id: 0, first: 0, pages: 300 },
    { id: 1, first: 100, pages: 100 },
  ];
  const truth = (frame: number): number => (frame >= 120 && frame < 180 ? 1 : 0);

  test.each([2, 64, 1024])('struct page has the node, with up to %i nodes', (most) => {
    const map = new NodeMap(hostOf(nodes, truth, most));
    expect(nodesOf(map, [0, 99, 100, 119, 120, 179, 180, 250])).toEqual([0, 0, 0, 0, 1, 1, 0, 0]);
    expect(map.problems).toEqual([]);
  });

  test.each<[string, (frame: number) => number | null]>([
    ['is not in the dump', () => null],
    ['has the node elsewhere', () => 9],
    [
      'has the node elsewhere, as frames outside the overlap show',
      (frame) => (frame < 100 || frame >= 200 ? 1 : truth(frame)),
    ],
    ['has a node whose memory is elsewhere', (frame) => (frame >= 100 && frame < 200 ? 2 : 0)],
  ])('the node is not known if struct page %s', (_, told) => {
    const map = new NodeMap(hostOf(nodes, told));
    expect(nodesOf(map, [50, 150, 250])).toEqual([0, null, 0]);
    expect(map.problems).toEqual(['the spans of nodes overlap there']);
  });
});

describe('a mapped page in no span', () => {
  const host = hostOf([
    { id: 0, first: 0, pages: 100 },
    { id: 1, first: 200, pages: 100 },
  ]);
  const problems = ['they are in the span of no node'];

  test.each<[string, number, boolean, readonly string[]]>([
    ['is memory of a device', 150, true, []],
    ['is of a node that is not known', 150, false, problems],
    ['is above all spans', 300, false, problems],
    ['is beyond the memory of the machine', 400, false, []],
  ])('%s', (_name, frame, isDevice, expected) => {
    const map = new NodeMap({ ...host, frames: { limit: 400 } } as unknown as Host);
    expect(map.nodeOf(frame)).toBeNull();
    map.missed(frame, () => isDevice);
    expect(map.problems).toEqual(expected);
  });
});

test('a node with the number of another one is an error', () => {
  expect(() => new NodeMap(hostOf([{ id: 1, own: 0, first: 1, pages: 99 }]))).toThrow(
    /^pglist_data of node 1 says that it is node 0$/,
  );
});

test('without NUMA all memory is that of contig_page_data', () => {
  const host = hostOf([{ id: 0, first: 1, pages: 99 }]);
  const map = new NodeMap({ ...host, symbols: new Map([['contig_page_data', BigInt(PGLIST)]]) } as unknown as Host);
  expect(nodesOf(map, [5, 100])).toEqual([0, null]);
});

test('impossible spans and missing symbols are errors', () => {
  expect(() => new NodeMap(hostOf([{ id: 0, first: 2 ** 39, pages: 2 ** 40 }]))).toThrow(DumpError);
  expect(() => new NodeMap({ ...hostOf([]), symbols: new Map() } as unknown as Host)).toThrow(/lack node_data/);
});

test('stretches do not overlap, and have each frame of the spans once', () => {
  expect(
    stretchesOf([
      { node: 0, first: 0, end: 30 },
      { node: 1, first: 10, end: 20 },
      { node: 2, first: 40, end: 50 },
    ]),
  ).toEqual([
    { first: 0, end: 10, nodes: [0] },
    { first: 10, end: 20, nodes: [0, 1] },
    { first: 20, end: 30, nodes: [0] },
    { first: 40, end: 50, nodes: [2] },
  ]);
});
