// SPDX-License-Identifier: Apache-2.0
// Who has each frame of the recorded hosts, found in two ways: by the page tables of all processes, and by the reverse map, from
// the struct page. And the kernel's own count of mappings. With tables taken away, the reverse map has to find the same.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { Pfn, Vpn } from '../../src/core/address.js';
import { silentLog } from '../../src/core/log.js';
import type { FrameSource } from '../../src/core/memory.js';
import type { Host } from '../../src/kernel/host.js';
import { readMm } from '../../src/kernel/mm.js';
import { openDump } from '../../src/open.js';
import { Naming } from '../../src/owners/hits.js';
import { type FrameOwners, HostOwners } from '../../src/owners/owners.js';
import { ReverseMap } from '../../src/owners/reverse-map.js';
import type { Entry } from '../../src/owners/settle.js';
import { PageFacts } from '../../src/pages/facts.js';
import { PageWalker } from '../../src/paging/walker.js';
import { needing, recordedHosts } from '../needs.js';
import { hasShared, SHARED } from '../run.js';

const { test } = needing(recordedHosts);
const hosts = hasShared ? readdirSync(join(SHARED, 'dumps')).filter((name) => name.startsWith('debian-')) : ['none'];
const dumpOf = (name: string): string => join(SHARED, 'dumps', name, 'vmcore');

/** Kinds of memory of processes, whose mappings the kernel counts. */
const KINDS = new Set(['anonymous', 'ksm', 'shmem', 'file', 'hugetlb']);
const placesOf = (entries: readonly Entry[]): string[] =>
  entries
    .filter(({ naming }) => naming === Naming.Counted)
    .map(({ area, page }) => `${area.space.address.toString(16)} ${page}`)
    .sort();

/** All frames of the machine that are no zero pages. */
const allOf = (facts: PageFacts): Float64Array =>
  Float64Array.from(Array.from({ length: facts.end }, (_, frame) => frame).filter((frame) => !facts.isZero(frame)));

/** Where the reverse map says that the page of `facts` is, as far as page tables agree. */
function reverseOf(
  host: Host,
  reverse: ReverseMap,
  walkers: Map<bigint, [PageWalker, Pfn]>,
  facts: PageFacts,
): string[] {
  const { all, missing } = reverse.of(facts);
  expect(missing).toBeNull();
  const { frame } = facts;
  const places = all.filter(({ mm, page }) => {
    const [walker, root] = walkers.get(mm) ?? [new PageWalker(host.frames, host.memory.form), readMm(host, mm).root];
    walkers.set(mm, [walker, root]);
    return walker.walk(root, page as Vpn) === 0 && walker.frame === (frame as Pfn);
  });
  return places.map(({ mm, page }) => `${mm.toString(16)} ${page}`).sort();
}

test.each(hosts)('%s: both ways, and the number of mappings, agree for every frame', async (name) => {
  const { host, close } = await openDump(dumpOf(name), { needs: 'owners' });
  const facts = new PageFacts(host);
  const found = new HostOwners(host, silentLog).of(allOf(facts));
  const reverse = new ReverseMap(host);
  const walkers = new Map<bigint, [PageWalker, Pfn]>();
  const [differing, miscounted]: [number[], number[]] = [[], []];
  let mapped = 0;
  for (let frame = 0; frame < facts.end; frame++) {
    if (!KINDS.has(facts.look(frame).kind)) continue;
    const forward = placesOf(found.entriesOf(frame));
    if (facts.kpage.count !== forward.length) miscounted.push(frame);
    if (facts.kpage.count === 0 && forward.length === 0) continue;
    mapped++;
    if (reverseOf(host, reverse, walkers, facts).join() !== forward.join()) differing.push(frame);
  }
  close();
  expect([differing, miscounted]).toEqual([[], []]);
  expect(mapped).toBeGreaterThan(80_000);
});

/** The PTE tables that owners of every `step`th frame are found in. */
function tablesOf(host: Host, facts: PageFacts, found: FrameOwners, step: number): Set<number> {
  const tables = new Set<number>();
  const walker = new PageWalker(host.frames, host.memory.form);
  let n = 0;
  for (let frame = 0; frame < facts.end; frame++) {
    if (!KINDS.has(facts.look(frame).kind)) continue;
    for (const { area, page } of found.entriesOf(frame)) {
      const { mm } = area.space;
      if (mm === null || n++ % step !== 0) continue;
      walker.walk(mm.root, page as Vpn);
      if (walker.level === 0) tables.add(walker.tables[0] as number);
    }
  }
  return tables;
}

test.each(hosts)(
  '%s: without some page tables, no owner is wrong, and the reverse map finds those that are certain',
  async (name) => {
    const hidden = new Set<number>();
    const watch = (image: FrameSource): FrameSource => ({
      frame: (frame) => (hidden.has(frame) ? null : image.frame(frame)),
      why: (frame) => (hidden.has(frame) ? { reason: 'excluded', message: 'left out' } : image.why(frame)),
      limit: image.limit,
    });
    const whole = await openDump(dumpOf(name), { needs: 'owners' });
    const facts = new PageFacts(whole.host);
    const right = new HostOwners(whole.host, silentLog).of(allOf(facts));
    for (const table of tablesOf(whole.host, facts, right, 2500)) hidden.add(table);
    const { host, close } = await openDump(dumpOf(name), { needs: 'owners', watch });
    const search = new HostOwners(host, silentLog);
    const less = search.of(allOf(facts));
    let [wrong, lost, recovered] = [0, 0, 0];
    for (let frame = 0; frame < facts.end; frame++) {
      facts.look(frame);
      const [before, after] = [right.of(facts), less.of(facts)];
      const [want, got] = [before, after].map(({ owners }) =>
        owners.map((owner) => `${owner.kind} ${owner.pid} ${owner.hva}`),
      );
      const isSame = [...(want ?? [])].sort().join() === [...(got ?? [])].sort().join();
      if (got?.some((owner) => want?.includes(owner) !== true) === true || (after.complete && !isSame)) wrong++;
      if (!after.complete && !isSame) lost++;
      if (after.complete && less.entriesOf(frame).length < right.entriesOf(frame).length) recovered++;
    }
    whole.close();
    close();
    expect(hidden.size).toBeGreaterThan(5);
    expect(wrong).toBe(0);
    expect(recovered).toBeGreaterThan(1000);
    expect(lost).toBeLessThan(recovered);
  },
);
