// SPDX-License-Identifier: Apache-2.0
// The zones of the nodes, and the zone of a frame (include/linux/mmzone.h).
import { type Lost, orLost } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { lowerBound } from '../core/search.js';
import { printable } from '../core/text.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import type { Host } from '../kernel/host.js';
import { mostNodes, nodeAddresses } from '../kernel/numa-nodes.js';
import { resolve, valuesOf } from '../types/fields.js';
import { ifAnswered } from '../types/source.js';
import { nodeZonesFields, zoneFields, zoneTypes } from './structs.js';

/** MAX_NR_ZONES at most: DMA, DMA32, Normal, Movable, Device. */
const MOST_ZONES = 8;
const LONGEST_NAME = 16;

/** A zone of a node. */
export interface Zone {
  readonly address: bigint;
  readonly node: number;
  /** Its number in the node. */
  readonly index: number;
  readonly name: string;
  readonly first: number;
  /** The frame after the last one; `first` for a zone without memory. */
  readonly end: number;
}

/** The zones of all nodes. Throws `DumpError` if they can't be read. */
export function zonesOf(host: Host): readonly Zone[] {
  const { types, memory } = host;
  const at = resolve(types, { node: nodeZonesFields, zone: zoneFields });
  const count = Math.min(
    ifAnswered(() => valuesOf(types, zoneTypes))?.get('__MAX_NR_ZONES') ?? at.node.zones.count,
    MOST_ZONES,
  );
  const zones: Zone[] = [];
  for (const { node, address } of nodeAddresses(host))
    for (let index = 0; index < count; index++) {
      const zone = address + BigInt(at.node.zones.offset + index * at.zone.bytes);
      const first = pointerAt(memory, zone + BigInt(at.zone.start.offset), 'struct zone');
      const spanned = pointerAt(memory, zone + BigInt(at.zone.spanned.offset), 'struct zone');
      const text = pointerAt(memory, zone + BigInt(at.zone.name.offset), 'struct zone');
      if (text === 0n || first + spanned > 1n << 40n) continue;
      const name = printable(readOf(memory, text, LONGEST_NAME, 'name of a zone').text());
      zones.push({ address: zone, node, index, name, first: Number(first), end: Number(first + spanned) });
    }
  return zones;
}

/**
 * The zone of a frame, by the bits of page->flags below those of the node (include/linux/page-flags-layout.h). Their
 * place is not in the kernel's types: it follows from the numbers of nodes and zones, and is checked with frames whose
 * zone is known. If it does not fit, the zone is that of the span that contains the frame.
 */
export class ZoneMap {
  readonly #names: readonly (string | undefined)[];
  readonly #shift: number;
  readonly #mask: number;
  readonly #spans: readonly Zone[];

  /** `flagsOf`: the upper 32 bits of the flags of a frame's struct page; null if it is not in the dump. */
  constructor(host: Host, zones: readonly Zone[], flagsOf: (frame: number) => number | null) {
    this.#spans = [...zones].filter(({ first, end }) => end > first).sort((a, b) => a.first - b.first);
    const nodes = Math.ceil(Math.log2(Math.max(mostNodes(host) ?? 1, 1)));
    const count = Math.max(...zones.map(({ index }) => index), 0) + 1;
    const bits = count <= 1 ? 0 : Math.ceil(Math.log2(count));
    const names = new Map(zones.map(({ index, name }) => [index, name]));
    this.#names = Array.from({ length: 2 ** bits }, (_, i) => names.get(i));
    this.#mask = 2 ** bits - 1;
    const shift = 32 - nodes - bits;
    const agrees = this.#spans.every(({ first, end, index }) => {
      const flags = flagsOf(Math.floor((first + end) / 2));
      return flags === null || ((flags >>> shift) & this.#mask) === index || this.#overlaps(first, end);
    });
    this.#shift = agrees ? shift : -1;
  }

  /** The name of the zone of a frame; `flags`: the upper 32 bits of page->flags. */
  nameOf(frame: number, flags: number): string | null {
    if (this.#shift >= 0) return this.#names[(flags >>> this.#shift) & this.#mask] ?? null;
    const spans = this.#spans;
    const index = lowerBound(spans.length, (i) => (spans[i] as Zone).end > frame);
    const span = spans[index];
    return span !== undefined && span.first <= frame ? span.name : null;
  }

  /** Whether other zones span a part of a range: a frame there can be in another zone. */
  #overlaps(first: number, end: number): boolean {
    return this.#spans.filter((span) => span.first < end && span.end > first).length > 1;
  }
}

/** The zones of a host; empty if they can't be read, of which `lost` is told. */
export const zonesIfKnown = (host: Host, lost?: Lost): readonly Zone[] =>
  orLost(lost ?? ignored, () => zonesOf(host)) ?? [];
const ignored: Lost = () => undefined;
