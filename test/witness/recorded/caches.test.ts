// SPDX-License-Identifier: Apache-2.0
// Where pages are that no page table maps, on recorded hosts: what the VM `states` did with its memory, and what
// /proc/kpageflags said of the frames before the crash.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from '@jest/globals';
import { dumpFolder } from '../../build/recorded.js';
import { needing, recordedHosts } from '../../needs.js';
import { kvmVtop } from '../../run.js';

const { test } = needing(recordedHosts);

interface Run {
  readonly record: string;
  readonly gpa: string;
  readonly size: number;
  readonly state: string;
  readonly reason: string | null;
  readonly frame: string | null;
  readonly swap: { readonly type: number; readonly offset: number } | null;
}

const runsOf = (host: string, pid: string): Run[] =>
  kvmVtop(['map', '-c', join(dumpFolder(host), 'vmcore'), '-g', pid, '--json'])
    .stdout.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Run)
    .filter(({ record }) => record === 'run');
const truthOf = (host: string): string => readFileSync(join(dumpFolder(host), 'truth.txt'), 'latin1');

/** Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h). */
const UPTODATE = 1n << 3n;
const LRU = 1n << 5n;
const ANON = 1n << 12n;
const SWAPBACKED = 1n << 14n;
const NOPAGE = 1n << 20n;

test('debian-6.12-facts: files, memfds and shared memory whose pages are not mapped', () => {
  const host = 'debian-6.12-facts';
  const truth = truthOf(host);
  const words = (name: string): BigUint64Array => {
    const bytes = new Uint8Array(gunzipSync(readFileSync(join(dumpFolder(host), `${name}.bin.gz`))));
    return new BigUint64Array(bytes.buffer, 0, bytes.length >> 3);
  };
  const [flags, counts] = [words('kpageflags'), words('kpagecount')];
  const runs = runsOf(host, /^VM (\d+) \d+ states$/m.exec(truth)?.[1] ?? '');
  const reasons = new Map<string, Map<string, number>>();
  const frames: string[] = [];
  for (const [, start = '', size = '', kind = ''] of truth.matchAll(/^STATE states (\S+) (\S+) (\S+)/gm)) {
    const [first, end] = [parseInt(start, 16), parseInt(start, 16) + parseInt(size, 16)];
    const found = new Map<string, number>();
    for (const run of runs.filter(({ gpa }) => Number(gpa) >= first && Number(gpa) < end)) {
      const name = run.reason ?? run.state;
      found.set(name, (found.get(name) ?? 0) + run.size / 4096);
      expect(run.reason === 'shmem-swapped' || run.reason === 'swap-entry').toBe(run.swap !== null);
      if (run.reason !== 'in-page-cache') continue;
      for (let i = 0; i < run.size / 4096; i++) {
        const frame = Number(run.frame) + i;
        const word = (flags[frame] ?? 0n) & (UPTODATE | LRU | ANON | SWAPBACKED | NOPAGE);
        // Memory of a memfd is backed by swap, pages of a file are not. None of them was mapped.
        expect([kind, word, counts[frame]]).toEqual([
          kind,
          UPTODATE | LRU | (kind.startsWith('file') ? 0n : SWAPBACKED),
          0n,
        ]);
        frames.push(`${frame}`);
      }
    }
    reasons.set(kind, found);
  }
  expect(Object.fromEntries([...reasons].map(([kind, found]) => [kind, Object.fromEntries(found)]))).toMatchObject({
    untouched: { 'empty-entry': 4 },
    swapped: { 'swap-entry': 4 },
    'hugetlb-absent': { 'empty-entry': 512 },
    'shmem-absent': { 'empty-entry': 4 },
    'shmem-swapped': { 'shmem-swapped': 4 },
    'memfd-unmapped': { 'in-page-cache': 4 },
    'file-private-absent': { 'in-page-cache': 4 },
    'file-private-clean': { mapped: 4 },
  });
  expect(new Set(frames).size).toBe(8);
});

/** Number of swapped pages of both guests, and of those that are in the swap cache. On zram pages are not kept there. */
test.each([
  ['debian-5.10-lzo', 3337, 0],
  ['debian-6.1-zlib', 3841, 3841],
  ['debian-6.12-zstd', 2391, 2391],
  ['debian-7.2-zstd-contents', 4510, 10],
])('%s: of %i swapped pages, %i are in the swap cache', (host, all, cached) => {
  const pids = [...truthOf(host).matchAll(/^GUEST \w+ (\d+) /gm)].map(([, pid = '']) => pid);
  const swapped = pids.flatMap((pid) => runsOf(host, pid).filter(({ state }) => state === 'swapped'));
  const pages = (runs: readonly Run[]): number => runs.reduce((sum, { size }) => sum + size / 4096, 0);
  const inCache = swapped.filter(({ frame }) => frame !== null);
  expect([pages(swapped), pages(inCache)]).toEqual([all, cached]);
  const frames = inCache.flatMap(({ frame, size }) => Array.from({ length: size / 4096 }, (_, i) => Number(frame) + i));
  expect(new Set(frames).size).toBe(cached);
});
