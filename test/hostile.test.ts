// SPDX-License-Identifier: Apache-2.0
// Names in a dump are whatever somebody wrote there: none of them may reach a terminal as it is.
import { describe, expect, test } from '@jest/globals';
import { Vtop } from '../src/commands/vtop.js';
import { openDump } from '../src/open.js';
import { altered, FIXTURE, kept } from './build/altered.js';

const ESC = '\x1b[2J';
/** Names of a process, of a file that is mapped, and of a swap device, each with an escape sequence put into it. */
const CHANGES = [
  ['qemu-system-x86', `qemu${ESC}tem-x86`],
  ['qemu_back_mem', `qemu${ESC}k_mem`],
  ['vdd\0', `\x1b[m\0`],
] as const;

async function ask(process: string, addresses: readonly string[], { json = false, vm = null as string | null } = {}) {
  const streams = kept();
  const { host, close } = await openDump(FIXTURE, { log: streams.log, watch: (image) => altered(image, CHANGES) });
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
