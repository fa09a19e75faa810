// SPDX-License-Identifier: Apache-2.0
// The host is opened for what the recorded command needs: a command that does not need KVM works without it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { command, type Need, type Opener } from '../../../src/commands/command.js';
import { cut } from '../../../src/commands/cut.js';
import { Tasks } from '../../../src/kernel/tasks.js';
import { openDump } from '../../../src/open.js';
import { checkTarget } from '../../../src/write/target.js';
import { DUMP } from '../../build/alpha.js';
import { kept } from '../../build/altered.js';
import { scratch } from '../../build/scratch.js';
import { ROOT } from '../../run.js';

const { folder, file } = scratch('host-needs');

/** The profile of the fixture's kernel, as if it had no KVM. */
function withoutKvm(): string {
  const text = readFileSync(join(ROOT, 'src', 'layouts', '6.1.0-50-amd64.json'), 'utf8');
  const profile = JSON.parse(text) as { structs: Record<string, unknown> };
  for (const name of Object.keys(profile.structs)) if (name.startsWith('kvm')) profile.structs[name] = null;
  return file(JSON.stringify(profile));
}

/** A command that prints the name of a process. */
const called = (needs: Extract<Need, 'host' | 'vms'>) =>
  command({
    name: 'called',
    summary: '',
    description: '',
    needs,
    args: null,
    options: {},
    records: [],
    csv: false,
    notes: [],
    examples: [],
    exit: { 0: '', 2: '' },
    *run({ host }) {
      yield new Tasks(host).byPid(136)?.comm ?? 'nobody';
      return 0 as const;
    },
    text: () => ({ row: (name) => `${name}\n` }),
  });

/** Writes an excerpt of what that command reads, and runs the command on it. */
async function excerptOf(needs: Extract<Need, 'host' | 'vms'>, output: string): Promise<string | null> {
  const beside = { typesFrom: 'layout' as const, layout: withoutKvm() };
  const open: Opener = (paths, options) => openDump(paths, { ...options, beside });
  const request = { command: called(needs), values: { process: null, vm: null }, words: [], inner: [] };
  await cut(open, { core: [DUMP], target: checkTarget(output, false, []) }, [request], kept());
  const { host, close } = await openDump(output, { beside, needs: 'host' });
  const name = new Tasks(host).byPid(136)?.comm ?? null;
  close();
  return name;
}

test('a command that only needs a host', async () => {
  expect(await excerptOf('host', join(folder, 'host'))).toBe('qemu-system-x86');
});

test('a command that needs VMs', async () => {
  await expect(excerptOf('vms', join(folder, 'vms'))).rejects.toThrow(/no types of KVM/);
});
