// SPDX-License-Identifier: Apache-2.0
// Names in a dump can have been written by an attacker: none may reach a terminal unchanged.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { perform } from '../../../src/commands/perform.js';
import { requestFor } from '../../../src/commands/vtop.js';
import { openDump } from '../../../src/open.js';
import { DUMP } from '../../build/alpha.js';
import { altered, kept } from '../../build/altered.js';
import { bidi, CONTROL, three } from '../../build/hostile.js';

const ESC = '\x1b[2J';
type Changes = readonly (readonly [string, string])[];
/** Names of a process, a mapped file and a swap device, each with an escape sequence. */
const CHANGES: Changes = [
  ['qemu-system-x86', `qemu${ESC}tem-x86`],
  ['qemu_back_mem', `qemu${ESC}k_mem`],
  ['vdd\0', `\x1b[m\0`],
];

async function ask(
  process: string,
  addresses: readonly string[],
  { json = false, vm = null as string | null, changes = CHANGES } = {},
) {
  const streams = kept();
  const { close, ...opened } = await openDump(DUMP, { log: streams.log, watch: (image) => altered(image, changes) });
  const request = requestFor({ process, vm, addressSpace: 0, addresses });
  const code = await perform(request, opened, json ? 'json' : 'text', streams).catch((error: unknown) => {
    streams.warnings.push(String(error));
    return 2;
  });
  close();
  return { code, out: streams.out.join(''), warnings: streams.warnings.join('\n') };
}

describe('escape sequences in names of the dump', () => {
  test('a mapped file', async () => {
    const { out } = await ask('142', ['840']);
    expect(out).toContain('qemu\\x1b[2Jk_mem');
    expect(out).not.toMatch(CONTROL);
  });

  test('a swap device', async () => {
    const { code, out } = await ask('136', ['3000840']);
    expect(out).toContain('SWAP: /dev/\\x1b[m  OFFSET: ');
    expect(out).not.toMatch(CONTROL);
    expect(code).toBe(1);
  });

  test("a process's name in a message", async () => {
    const { warnings } = await ask('136', ['0'], { vm: '99' });
    expect(warnings).toContain("(qemu\\x1b[2Jtem-x86) does not hold VM '99'");
    expect(warnings.replaceAll('\n', ' ')).not.toMatch(CONTROL);
  });
});

test('any three bytes in a name: the text is a line of plain ASCII, the JSON has the exact bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(three, bidi), async (name) => {
      const changes = [
        ['vdd\0', `${name}\0`],
        ['qemu_back_mem', `qemu${name}k_mem`.padEnd(13, 'x')],
      ] as const;
      const text = await ask('136', ['3000840'], { changes });
      expect(text.out).toMatch(/^[\x20-\x7e\n]+$/);
      expect(text.out.split('\n').filter((line) => line.includes('OFFSET:'))).toHaveLength(1);
      expect((await ask('142', ['840'], { changes })).out).toMatch(/^[\x20-\x7e\n]+$/);
      const { out } = await ask('136', ['3000840'], { changes, json: true });
      expect(out).not.toMatch(CONTROL);
      const line = JSON.parse(out) as { swap: { device: string } };
      // A component of a path cannot contain a slash.
      if (!name.includes('/')) expect(line.swap.device).toBe(`/dev/${name}`);
    }),
    { numRuns: 25 },
  );
});
