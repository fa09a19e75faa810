// SPDX-License-Identifier: Apache-2.0
// cut-owner-fixture HOST TARGET: cuts a fixture for `owner` out of a recorded host, with the program's own excerpt. Who has
// the frames (owners.json) is what the host's kernel said before the crash: /proc/PID/pagemap of every process, and which
// of these pages are in memslots. One frame is taken of each set of owners. Run it after a build.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PageFacts } from './page-facts.mjs';
import { RecordedHost } from './recorded-host.mjs';

const PAGE = 4096n;
const PRESENT = 1n << 63n;
const FRAME = (1n << 55n) - 1n;
/** Bit of kpageflags: the zero page. */
const ZERO = 1n << 24n;
/** The process that wrote the facts: its pages may have changed. */
const WRITER = '1';
/** Frames with more owners are left out. */
const MOST_OWNERS = 16;

/** A VM: pid, address space, GPA, HVA, state; or a process: pid, virtual address. @typedef {readonly [kind: string, pid: number, ...place: (number | string)[]]} Owner */

const [host, target] = process.argv.slice(2);
if (host === undefined || target === undefined) {
  console.error('usage: cut-owner-fixture HOST TARGET');
  process.exit(2);
}
const recorded = new RecordedHost(host);
const bytes = new Uint8Array(gunzipSync(readFileSync(join(host, 'kpageflags.bin.gz'))));
const flags = new BigUint64Array(bytes.buffer, 0, bytes.length >> 3);
/** By frame: the owners, and what distinguishes this set from others. @type {Map<number, { owners: Owner[], kinds: string[] }>} */
const owned = new Map();
/** @type {(frame: bigint, owner: Owner, kind: string) => void} */
const add = (frame, owner, kind) => {
  if (((flags[Number(frame)] ?? 0n) & ZERO) !== 0n) return;
  const known = owned.get(Number(frame)) ?? { owners: [], kinds: [] };
  known.owners.push(owner);
  known.kinds.push(`${owner[0]} ${owner[1]} ${kind}`);
  owned.set(Number(frame), known);
};
/** @type {(address: bigint) => string} */
const hex = (address) => `0x${address.toString(16)}`;

const facts = new PageFacts(recorded);
/** @type {[number, number][]} */
const spaces = [];
/** Pages of VMs, by process and virtual address. @type {Set<string>} */
const ofVms = new Set();
for (const machine of recorded.machines())
  for (const space of [0, 1]) {
    const stretches = facts.stretches(machine, space);
    if (stretches.length > 0) spaces.push([Number(machine.pid), space]);
    for (const { gpa, hva, pages, words, place, step } of stretches)
      for (let i = 0n; i < BigInt(pages); i++) {
        ofVms.add(`${machine.pid} ${hva + i * PAGE}`);
        const [state = ''] = words.split(' ');
        if (place === null || (state !== 'mapped' && state !== 'poisoned')) continue;
        const at = place + i * step;
        const owner = /** @type {Owner} */ ([
          'vm',
          Number(machine.pid),
          space,
          hex(gpa + i * PAGE),
          hex(hva + i * PAGE),
          state,
        ]);
        add(state === 'mapped' ? at / PAGE : at, owner, `${space} ${words}`);
      }
  }
let [pid, path] = ['', ''];
for (const line of recorded.lines('processes.txt')) {
  const [word, first = '', second = '', ...rest] = line.split(' ');
  if (word === 'PROC' && first === second) pid = first;
  if (word === 'VMA') path = rest.slice(4).join(' ');
  if (word !== 'AT' || pid === WRITER) continue;
  let hva = BigInt(`0x${first}`);
  for (const each of [second, ...rest]) {
    const [entry = '0', count = '1'] = each.split('*');
    const value = BigInt(`0x${entry}`);
    for (let i = 0n; i < BigInt(count); i++, hva += PAGE)
      if ((value & PRESENT) !== 0n && !ofVms.has(`${pid} ${hva}`))
        add((value & FRAME) + i, ['process', Number(pid), hex(hva)], path);
  }
}

/** @type {Map<string, number>} */
const chosen = new Map();
for (const [frame, { owners, kinds }] of [...owned].sort(([a], [b]) => a - b)) {
  const key = kinds.join('\n');
  if (owners.length <= MOST_OWNERS && !chosen.has(key)) chosen.set(key, frame);
}
const frames = [...chosen.values()].map((frame) => ({
  frame: hex(BigInt(frame)),
  owners: owned.get(frame)?.owners ?? [],
}));

mkdirSync(target, { recursive: true });
const dump = join(target, 'vmcore.kdump');
rmSync(dump, { force: true });
const cli = new URL('../dist/cli.js', import.meta.url).pathname;
const words = frames.map(({ frame }) => frame);
/** The virtual addresses of these frames, by process: fuzz/ asks hva, too. @type {Map<number, string[]>} */
const addresses = new Map();
for (const [kind, process, hva] of frames.flatMap(({ owners }) => owners))
  if (kind === 'process') addresses.set(process, [...(addresses.get(process) ?? []), String(hva)]);
const hvas = [...addresses].flatMap(([process, each]) => ['--', 'hva', '-g', String(process), ...each]);
const asked = ['--', 'owner', '--pfn', ...words, '--', 'page', '--pfn', ...words, ...hvas, '--', 'vms', '--', 'vcpus'];
const args = ['excerpt', '-c', join(host, 'vmcore'), '-o', dump, ...asked];
spawnSync(process.execPath, [cli, ...args], { stdio: 'inherit' });
statSync(dump);
const list = frames.map((each) => JSON.stringify(each)).join(',\n');
writeFileSync(join(target, 'owners.json'), `{"spaces":${JSON.stringify(spaces)},"frames":[\n${list}\n]}\n`);
console.log(`${frames.length} frames`);
