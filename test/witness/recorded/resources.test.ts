// SPDX-License-Identifier: Apache-2.0
// Who has a physical address: every range of the /proc/iomem of recorded hosts, at its ends, its middle and beside it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { resourceAt } from '../../../src/kernel/resources.js';
import { openDump } from '../../../src/open.js';
import { dumpFolder } from '../../build/recorded.js';
import { needing, recordedHosts } from '../../needs.js';
import { kvmVtop } from '../../run.js';

const { test } = needing(recordedHosts);

/** A line of /proc/iomem. Those inside a range come after it. */
interface Line {
  readonly start: bigint;
  readonly end: bigint;
  readonly name: string;
}

const linesOf = (host: string): Line[] =>
  [...readFileSync(join(dumpFolder(host), 'iomem.txt'), 'latin1').matchAll(/^ *([\da-f]+)-([\da-f]+) : (.*)$/gm)].map(
    ([, start = '', end = '', name = '']) => ({ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), name }),
  );

test.each(['debian-5.10-lzo', 'debian-6.1-zlib', 'debian-6.12-facts', 'debian-6.12-intel', 'debian-7.2-zstd-contents'])(
  '%s: the innermost range, as /proc/iomem has it',
  async (name) => {
    const { host, close } = await openDump(join(dumpFolder(name), 'vmcore'));
    const lines = linesOf(name);
    const addresses = lines.flatMap(({ start, end }) => [start, end, (start + end) / 2n, end + 1n]);
    const wrong = addresses.flatMap((address) => {
      const wanted = lines.findLast(({ start, end }) => address >= start && address <= end) ?? null;
      const found = resourceAt(host, address);
      const line = found === null ? null : { start: found.start, end: found.end, name: found.name };
      return JSON.stringify(wanted, text) === JSON.stringify(line, text) ? [] : [{ address, wanted, line }];
    });
    expect(wrong).toEqual([]);
    expect(addresses.length).toBeGreaterThan(60);
    close();
  },
);

const text = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString(16) : value);

test('the text names the resource of device memory', () => {
  const folder = dumpFolder('debian-6.12-facts');
  const pid = /^VM (\d+) \d+ states$/m.exec(readFileSync(join(folder, 'truth.txt'), 'latin1'))?.[1] ?? '';
  const { stdout } = kvmVtop(['-c', join(folder, 'vmcore'), '-g', pid, '-p', '4200000', '4400010', '0']);
  expect(stdout.match(/^DEVICE.*/gm)).toEqual([
    'DEVICE: 0000:00:01.0  RANGE: febfa000-febfafff',
    'DEVICE: System ROM  RANGE: 000f0000-000fffff',
  ]);
});
