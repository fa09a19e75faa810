// SPDX-License-Identifier: Apache-2.0
// cut-vms-fixture HOST TARGET [COMMAND...]: cuts a fixture for commands that list VMs out of a recorded host, with the
// program's own excerpt. What its vCPUs were (vcpus.json, registers-NAME.txt) is what QEMU's monitor said. Run it after a build.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RecordedHost } from './recorded-host.mjs';

const [host, target, ...given] = process.argv.slice(2);
if (host === undefined || target === undefined) {
  console.error('usage: cut-vms-fixture HOST TARGET [COMMAND...]');
  process.exit(2);
}
const recorded = new RecordedHost(host);
mkdirSync(target, { recursive: true });
const dump = join(target, 'vmcore.kdump');
rmSync(dump, { force: true });
const cli = new URL('../dist/cli.js', import.meta.url).pathname;
const commands = (given.length > 0 ? given : ['vms', 'slots', 'vcpus']).flatMap((command) => ['--', command]);
spawnSync(process.execPath, [cli, 'excerpt', '-c', join(host, 'vmcore'), '-o', dump, ...commands], {
  stdio: 'inherit',
});
statSync(dump);

/** @param {string} name The threads of a guest's CPUs, in the order of their numbers. */
const threadsOf = (name) =>
  [...recorded.read(`cpus-${name}.txt`).matchAll(/CPU #\d+: thread_id=(\d+)/g)].map(([, thread]) => Number(thread));
const guests = recorded.facts('GUEST').map(({ name, pid }) => ({ name, pid: Number(pid), threads: threadsOf(name) }));
writeFileSync(join(target, 'vcpus.json'), `${JSON.stringify(guests, null, 1)}\n`);
for (const { name } of guests)
  writeFileSync(join(target, `registers-${name}.txt`), recorded.read(`registers-${name}.txt`), 'latin1');
