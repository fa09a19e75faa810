// SPDX-License-Identifier: Apache-2.0
// Every frame of a recorded host: /proc/kpageflags and /proc/kpagecount as its kernel gave them, a moment before it crashed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from '@jest/globals';
import { openDump } from '../../src/open.js';
import { PageFacts } from '../../src/pages/facts.js';
import { needing, recordedHosts } from '../needs.js';
import { SHARED } from '../run.js';

const KSM = 1n << 21n;
const ANONYMOUS = 1n << 12n;
const SLAB = 1n << 7n;
const words = (host: string, name: string): BigUint64Array => {
  const bytes = new Uint8Array(gunzipSync(readFileSync(join(SHARED, 'dumps', host, `${name}.bin.gz`))));
  return new BigUint64Array(bytes.buffer, 0, bytes.length >> 3);
};

const { test } = needing(recordedHosts);

// The frames that may have changed since: the program that wrote them down and its files.
test.each([
  { host: 'debian-6.12-facts', changed: 6000 },
  { host: 'debian-6.12-intel', changed: 2000 },
])('$host: the words of /proc', async ({ host, changed }) => {
  const flags = words(host, 'kpageflags');
  const counts = words(host, 'kpagecount');
  const { host: kernel, close } = await openDump(join(SHARED, 'dumps', host, 'vmcore'), { needs: 'host' });
  const facts = new PageFacts(kernel);
  let [differences, unknown] = [0, 0];
  for (let frame = 0; frame < flags.length; frame++) {
    const { kpage, kind } = facts.look(frame);
    const told = flags[frame] as bigint;
    // What this kernel says wrongly (docs/pages.md): KSM of all anonymous pages, both of slab pages.
    const wrong = (told & SLAB) === 0n ? KSM : KSM | ANONYMOUS;
    const word = (BigInt(kpage.high) << 32n) | BigInt(kpage.low);
    if (kind === 'unknown') unknown++;
    if ((word & ~wrong) !== (told & ~wrong) || BigInt(kpage.count ?? -1) !== counts[frame]) differences++;
  }
  close();
  expect(unknown).toBe(0);
  expect(differences).toBeLessThan(changed);
  expect(flags.length).toBeGreaterThan(300_000);
});
