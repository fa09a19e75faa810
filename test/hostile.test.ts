// SPDX-License-Identifier: Apache-2.0
// Names in a dump are whatever somebody wrote there: none of them may reach a terminal as it is.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Vtop } from '../src/commands/vtop.js';
import { openDump } from '../src/open.js';
import { altered, FIXTURE, kept } from './build/altered.js';

const ESC = '\x1b[2J';
type Changes = readonly (readonly [string, string])[];
/** Names of a process, of a file that is mapped, and of a swap device, each with an escape sequence put into it. */
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
  const { host, close } = await openDump(FIXTURE, { log: streams.log, watch: (image) => altered(image, changes) });
  const code = await new Vtop({ process, vm, addressSpace: 0, addresses, json, style: 'crash' })
    .run(host, streams)
    .catch((error: unknown) => {
      streams.warnings.push(String(error));
      return 2;
    });
  close();
  return { code, out: streams.out.join(''), warnings: streams.warnings.join('\n') };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;

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

  test('in JSON they are escaped as JSON does, once', async () => {
    const { out } = await ask('136', ['3000840'], { json: true });
    expect(out).toContain('"device":"/dev/\\u001b[m"');
    expect(out).not.toMatch(CONTROL);
  });

  test("a process's name in a message", async () => {
    const { warnings } = await ask('136', ['0'], { vm: '99' });
    expect(warnings).toContain("(qemu\\x1b[2Jtem-x86) holds no VM '99'");
    expect(warnings.replaceAll('\n', ' ')).not.toMatch(CONTROL);
  });
});

/** Three bytes of anything but the end of a text, with what terminals and tables trip over among them. */
const three = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)),
      fc.constantFrom('"', "'", '\\', ',', ';', '\n', '\r', '\t', '\b', '\x7f', '\x85', '\x9b'),
    ),
    { minLength: 3, maxLength: 3 },
  )
  .map((letters) => letters.join(''));
/** RIGHT-TO-LEFT OVERRIDE and its like in UTF-8 are three bytes. */
const bidi = fc
  .integer({ min: 0x2028, max: 0x202e })
  .map((letter) => Buffer.from(String.fromCodePoint(letter)).toString('latin1'));

test('whatever three bytes of a name are: a line of plain ASCII in text, and the very bytes in JSON', async () => {
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
      // The kernel keeps slashes apart in a path.
      if (!name.includes('/')) expect(line.swap.device).toBe(`/dev/${name}`);
    }),
    { numRuns: 25 },
  );
});
