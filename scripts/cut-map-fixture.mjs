// SPDX-License-Identifier: Apache-2.0
// cut-map-fixture HOST TARGET: cuts a fixture for all commands about VMs, with `map` of every VM, out of a recorded host, with the
// program's own excerpt. What each page was (pages.txt.gz) is what the host's kernel said in /proc/PID/pagemap,
// kpageflags and zoneinfo. Run it after a build.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PageFacts } from './page-facts.mjs';
import { RecordedHost } from './recorded-host.mjs';

/** @import { Stretch } from './page-facts.mjs' */

const [host, target] = process.argv.slice(2);
if (host === undefined || target === undefined) {
  console.error('usage: cut-map-fixture HOST TARGET');
  process.exit(2);
}
const recorded = new RecordedHost(host);
const facts = new PageFacts(recorded);
const spaces = recorded
  .machines()
  .flatMap((machine) => [0, 1].map((space) => ({ machine, space, stretches: facts.stretches(machine, space) })))
  .filter(({ stretches }) => stretches.length > 0);

mkdirSync(target, { recursive: true });
const dump = join(target, 'vmcore.kdump');
rmSync(dump, { force: true });
const cli = new URL('../dist/cli.js', import.meta.url).pathname;
const maps = spaces.flatMap(({ machine: { pid, vm }, space }) => {
  const choice = vm === null ? [] : ['--vm', vm];
  return ['--', 'map', '-g', pid, ...choice, '--address-space', String(space)];
});
const args = [
  'excerpt',
  '-c',
  join(host, 'vmcore'),
  '-o',
  dump,
  '--',
  'vms',
  '--',
  'slots',
  '--sizes',
  '--',
  'vcpus',
  ...maps,
];
spawnSync(process.execPath, [cli, ...args], { stdio: 'inherit' });
statSync(dump);

/** @type {(stretch: Stretch) => string} */
const line = ({ gpa, hva, pages, words, place }) =>
  [gpa.toString(16), hva.toString(16), pages, words, ...(place === null ? [] : [place.toString(16)])].join(' ');
const text = [
  ...recorded.facts('SWAP').map(({ path }, type) => `SWAP ${type} ${path}`),
  ...spaces.flatMap(({ machine: { name, pid, vm }, space, stretches }) => [
    `VM ${name} ${pid} ${vm ?? '-'} ${space}`,
    ...stretches.map(line),
  ]),
];
writeFileSync(join(target, 'pages.txt.gz'), gzipSync(`${text.join('\n')}\n`, { level: 9 }));
console.log(`${text.length} lines`);
