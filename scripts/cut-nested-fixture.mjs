// SPDX-License-Identifier: Apache-2.0
// cut-nested-fixture HOST TARGET GUEST: cuts a fixture out of a recorded host whose guest GUEST runs VMs of its own: what the
// program reads to describe and to translate these VMs, and their memory. The truth (nested.json) has two parts: what the
// program in GUEST that runs the VMs said of their pages, by its own /proc/self/pagemap, and what the host's pagemap said of
// GUEST's. Run it after a build.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openImage } from '#internal';
import { parseJson } from './json.mjs';
import { hex, RecordedHost } from './recorded-host.mjs';

const PAGE = 4096n;
const PRESENT = 1n << 63n;
const FRAME = (1n << 55n) - 1n;

const [host, target, guest] = process.argv.slice(2);
if (host === undefined || target === undefined || guest === undefined) {
  console.error('usage: cut-nested-fixture HOST TARGET GUEST');
  process.exit(2);
}
const recorded = new RecordedHost(host);
const cli = new URL('../dist/cli.js', import.meta.url).pathname;
const whole = join(host, 'vmcore');
/** @type {(address: bigint) => string} */
const word = (address) => address.toString(16);

/** Cuts what these commands read. @param {string} output @param {string[]} options @param {string[][]} commands */
function cut(output, options, commands) {
  rmSync(output, { force: true });
  const words = commands.flatMap((command) => ['--', ...command]);
  const { status } = spawnSync(process.execPath, [cli, 'excerpt', '-c', whole, ...options, '-o', output, ...words], {
    stdio: 'inherit',
  });
  // 1: some pages are not mapped.
  if (status !== 0 && status !== 1) throw new Error(`excerpt ended with ${status}`);
}

/** Joins neighbours. @template {{ pages: number }} R @param {readonly R[]} rows @param {(last: R, next: R) => boolean} follows */
function joined(rows, follows) {
  /** @type {R[]} */
  const runs = [];
  for (const row of rows) {
    const last = runs.at(-1);
    if (last !== undefined && follows(last, row)) runs[runs.length - 1] = { ...last, pages: last.pages + row.pages };
    else runs.push(row);
  }
  return runs;
}

const vms = recorded.facts('L2VM').filter((vm) => vm.guest === guest);
const runsOf = (/** @type {string} */ name) =>
  recorded
    .facts('L2RUN')
    .filter((run) => run.guest === guest && run.name === name)
    .map(({ gpa, hva, own, pages }) => ({
      gpa: hex(gpa),
      hva: hex(hva),
      own: own === '-' ? null : hex(own),
      pages: Number(pages),
    }));
/** @type {(run: { pages: number }) => bigint[]} */
const offsets = ({ pages }) => Array.from({ length: pages }, (_, i) => BigInt(i) * PAGE);

// The guest's memory that answers for the VMs in it: as a dump of its own.
const folder = mkdtempSync(join(tmpdir(), 'nested-'));
const inner = join(folder, 'guest.kdump');
cut(
  inner,
  ['--guest', guest],
  [
    ['vms'],
    ...vms.flatMap(({ pid, fd, name }) => {
      const choice = ['-g', pid, '--vm', fd];
      const addresses = runsOf(name).flatMap((run) => offsets(run).map((offset) => word(run.gpa + offset)));
      const ranges = runsOf(name).map(({ gpa, pages }) => `${word(gpa)}+${word(BigInt(pages) * PAGE)}`);
      return [
        ['vtop', ...choice, '-p', ...addresses],
        ['read', ...choice, '-p', ...ranges],
        ['npt', ...choice],
      ];
    }),
  ],
);
const { image, close } = await openImage(inner);
const frames = [...image.reader.present()].map(BigInt);
close();
rmSync(folder, { recursive: true });

// The guest's own pages in which the VMs' memory is.
const pages = vms.flatMap(({ name }) =>
  runsOf(name).flatMap((run) => offsets(run).flatMap((offset) => (run.own === null ? [] : [run.own + offset]))),
);
/** @typedef {{ index: number, nestedGuest: boolean, registers: { rip: string } }} Vcpu */
// The vCPUs that were not running a VM of the guest.
const own = spawnSync(process.execPath, [cli, 'vcpus', '-c', whole, '-g', guest, '--json'], { encoding: 'utf8' })
  .stdout.split('\n')
  .filter(Boolean)
  .map((line) => /** @type {Vcpu} */ (parseJson(line)))
  .filter(({ nestedGuest }) => !nestedGuest);
// The host's memory that has these pages of the guest; its registers, which lead to its kernel, also those that KVM saved while a
// vCPU ran a VM in it.
mkdirSync(target, { recursive: true });
cut(
  join(target, 'vmcore.kdump'),
  [],
  [
    ['vms'],
    ['vcpus', '-g', guest],
    [
      'vtop',
      '-g',
      guest,
      '--gva',
      '-p',
      ...vms.flatMap(({ name }) => runsOf(name).slice(0, 1)).map(({ hva }) => word(hva)),
    ],
    ...own.map(({ index, registers }) => ['vtop', '-g', guest, '--gva', '--vcpu', `${index}`, '-p', registers.rip]),
    ['read', '-g', guest, '-p', ...frames.map((frame) => `${word(frame * PAGE)}+1000`)],
  ],
);

const wanted = new Set(pages);
const outer = recorded
  .pages(guest)
  .filter(({ gpa }) => wanted.has(gpa))
  .sort((a, b) => Number(a.gpa - b.gpa))
  .map(({ gpa, hva, entry }) => ({
    gpa,
    hva,
    hpa: (entry & PRESENT) === 0n ? null : (entry & FRAME) * PAGE,
    pages: 1,
  }));
/** @type {(from: bigint | null, pages: number, to: bigint | null) => boolean} */
const continues = (from, count, to) => (from === null ? to === null : to === from + BigInt(count) * PAGE);
const truth = {
  guest,
  vms: vms.map(({ pid, fd, name }) => ({ name, pid: Number(pid), fd: Number(fd), runs: runsOf(name) })),
  host: joined(
    outer,
    (last, { gpa, hva, hpa }) =>
      continues(last.gpa, last.pages, gpa) &&
      continues(last.hva, last.pages, hva) &&
      continues(last.hpa, last.pages, hpa),
  ),
};
/** @type {(key: string, value: unknown) => unknown} */
const written = (_, value) => (typeof value === 'bigint' ? `0x${word(value)}` : value);
const text = JSON.stringify(truth, written, 1);
writeFileSync(join(target, 'nested.json'), `${text}\n`);
