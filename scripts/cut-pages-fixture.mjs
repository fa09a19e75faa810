// SPDX-License-Identifier: Apache-2.0
// cut-pages-fixture HOST TARGET [FILE]: cuts a fixture for the command page out of a recorded host that wrote down the flags,
// counts and control groups of all its frames: a few frames of each combination of flags, with the program's own excerpt.
// Frames that changed between that and the crash are left out. The truth (pages.json) is the host's. Run it after a build.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseJson } from './json.mjs';
import { RecordedHost } from './recorded-host.mjs';

/** Most frames of each combination of flags and count. */
const EACH = 2;
/** Bits that say no more than that the kernel does not look: see docs/pages.md. */
const KSM = 1n << 21n;
const ANONYMOUS = 1n << 12n;
const SLAB = 1n << 7n;

const [host, target, file = 'vmcore'] = process.argv.slice(2);
if (host === undefined || target === undefined) {
  console.error('usage: cut-pages-fixture HOST TARGET [FILE]');
  process.exit(2);
}
const cli = new URL('../dist/cli.js', import.meta.url).pathname;
const recorded = new RecordedHost(host);
/** @param {string} name */
const words = (name) => {
  const bytes = new Uint8Array(gunzipSync(readFileSync(join(host, `${name}.bin.gz`))));
  return new BigUint64Array(bytes.buffer, 0, bytes.length >> 3);
};
const [flags, counts, groups] = [words('kpageflags'), words('kpagecount'), words('kpagecgroup')];
const paths = new Map(
  recorded
    .read('truth.txt')
    .split('\n')
    .filter((line) => line.startsWith('CGROUP '))
    .map((line) => [BigInt(line.split(' ')[1] ?? ''), line.split(' ')[2] ?? '']),
);
/** @type {Map<string, number[]>} */
const classes = new Map();
for (let frame = 0; frame < flags.length; frame++) {
  const key = `${flags[frame]} ${counts[frame]} ${groups[frame] === 0n}`;
  const known = classes.get(key) ?? [];
  if (known.length < EACH) classes.set(key, [...known, frame]);
}
const chosen = [...classes.values()].flat().sort((a, b) => a - b);
const told = ask(join(host, file), chosen);
/** The path of the cgroup that a frame was charged to. @type {(frame: number) => string | null} */
const groupOf = (frame) => paths.get(groups[frame] ?? 0n) ?? null;
const isBuggy = flags.some((word) => (word & KSM) !== 0n && (word & (1n << 22n)) !== 0n);
const kept = chosen.filter((frame, i) => {
  const truth = /** @type {bigint} */ (flags[frame]);
  const masked = (truth & SLAB) !== 0n ? KSM | ANONYMOUS : isBuggy ? KSM : 0n;
  const page = told[i];
  if (page === undefined || (BigInt(page.kpageflags) & ~masked) !== (truth & ~masked)) return false;
  const group = groupOf(frame);
  return BigInt(page.kpagecount) === counts[frame] && (group === null || group === page.memcg);
});
// Some addresses of a guest, for --facts.
const guest = recorded.facts('GUEST').find(({ name }) => name === 'alpha');
const translations =
  guest === undefined ? [] : ['--', 'vtop', '-g', guest.pid, '--facts', '-p', '0', '1000', '4000000'];
mkdirSync(target, { recursive: true });
const dump = join(target, 'vmcore.kdump');
rmSync(dump, { force: true });
spawnSync(
  process.execPath,
  [
    cli,
    'excerpt',
    '-c',
    join(host, file),
    '-o',
    dump,
    '--',
    'page',
    '--pfn',
    ...kept.map((frame) => frame.toString(16)),
    ...translations,
  ],
  { stdio: 'inherit' },
);
statSync(dump);
const rows = kept.map((frame) => [frame, `0x${flags[frame]?.toString(16)}`, Number(counts[frame]), groupOf(frame)]);
writeFileSync(join(target, 'pages.json'), `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`);
console.log(`${kept.length} frames of ${chosen.length}; ${classes.size} combinations`);

/**
 * What the program says of frames of a dump.
 * @param {string} core
 * @param {readonly number[]} frames
 * @returns {readonly { kpageflags: string, kpagecount: number, memcg: string | null }[]}
 */
function ask(core, frames) {
  const input = frames.map((frame) => frame.toString(16)).join('\n');
  const args = [cli, 'page', '-c', core, '--pfn', '-', '--json'];
  const { stdout } = spawnSync(process.execPath, args, { input, encoding: 'utf8', maxBuffer: 1 << 30 });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => /** @type {{ kpageflags: string, kpagecount: number, memcg: string | null }} */ (parseJson(line)));
}
