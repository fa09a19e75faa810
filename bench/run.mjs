// SPDX-License-Identifier: Apache-2.0
// npm run bench: kvm-vtop against drgn and crash on the same dumps, in turn, and its own speed inside one process.
//
//   KVM_VTOP_SHARED      folder of recorded hosts (default ../shared)
//   KVM_VTOP_PEERS       root folder in which `chroot … crash` and `chroot … python3` (with drgn) run; without it no peers
//   KVM_VTOP_DEBUG       folder with RELEASE/usr/lib/debug (Debian's debug packages, unpacked), also visible in there
//   KVM_VTOP_BENCH_RUNS  pairs a comparison takes (default 7)
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDump, Road, selectVm } from '../dist/index.js';
import { RecordedHost } from '../scripts/recorded-host.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const shared = resolve(process.env.KVM_VTOP_SHARED ?? join(root, '..', 'shared'));
const peers = process.env.KVM_VTOP_PEERS;
const debug = process.env.KVM_VTOP_DEBUG;
const runs = Number(process.env.KVM_VTOP_BENCH_RUNS ?? 7);
const hosts = ['debian-5.10-lzo', 'debian-6.1-zlib', 'debian-6.12-zstd', 'debian-7.2-zstd-contents'];
const scratch = mkdtempSync(join(tmpdir(), 'kvm-vtop-bench-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));
const GPA = '1001840';

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const cli = (...args) => [process.execPath, join(root, 'dist', 'cli.js'), ...args];

/** Seconds of a whole process, and its largest memory in KiB where /usr/bin/time can tell. */
function timed(command, input) {
  const meter = existsSync('/usr/bin/time') ? ['/usr/bin/time', '-f', '%M'] : [];
  const [file, ...args] = [...meter, ...command];
  const start = performance.now();
  const run = spawnSync(file, args, { input, encoding: 'latin1', maxBuffer: 2 ** 30 });
  const seconds = (performance.now() - start) / 1000;
  const memory = meter.length > 0 ? Number(run.stderr.trim().split('\n').at(-1)) : Number.NaN;
  return { seconds, memory, stdout: run.stdout };
}

/** A and B in turn: the machine's speed drifts, so ratios are taken pair by pair. */
function compare(title, a, b, input) {
  timed(a);
  timed(b, input);
  const pairs = Array.from({ length: runs }, () => [timed(a), timed(b, input)]);
  const [ours, theirs] = [0, 1].map((i) => median(pairs.map((pair) => pair[i].seconds)));
  const [mine, other] = [0, 1].map((i) => median(pairs.map((pair) => pair[i].memory)) / 1024);
  const ratio = median(pairs.map(([x, y]) => x.seconds / y.seconds));
  console.log(
    `${title}: ${(ours * 1000).toFixed(0)} ms against ${(theirs * 1000).toFixed(0)} ms, ratio ${ratio.toFixed(3)}; ` +
      `memory ${mine.toFixed(0)} MB against ${other.toFixed(0)} MB`,
  );
}

function onePeerEach(name, folder, release, pid, hva) {
  const dump = join(folder, 'vmcore');
  const ours = cli('-c', dump, '-g', pid, '-p', GPA, '--json');
  const files = debug ? join(debug, release, 'usr', 'lib', 'debug') : '';
  const vmlinux = join(files, 'boot', `vmlinux-${release}`);
  if (!peers || !existsSync(vmlinux)) {
    console.log(
      `${name}: no peers or no debug package of ${release}; alone: ${median(Array.from({ length: runs }, () => timed(ours).seconds * 1000)).toFixed(0)} ms`,
    );
    return;
  }
  const module = join(files, 'lib', 'modules', release, 'kernel', 'arch', 'x86', 'kvm', 'kvm.ko');
  const script = join(shared, 'bench', 'gpa_hpa_drgn.py');
  const drgn = ['chroot', peers, 'python3', script, GPA, '-c', dump, '-s', vmlinux, '-s', module, '-p', pid, '--json'];
  if (!timed(drgn).stdout.includes('"hpa": "')) console.log(`${name}: drgn has no answer`);
  else compare(`${name}, one address, against drgn`, ours, drgn);
  const crash = ['chroot', peers, 'crash', '-s', vmlinux, dump];
  const lines = `vtop -c ${pid} ${hva}\nquit\n`;
  if (!timed(crash, lines).stdout.includes('PAGE:')) console.log(`${name}: crash has no answer`);
  else compare(`${name}, one address, against crash`, ours, crash, lines);
  byDwarf({ name, dump, pid, vmlinux, module, drgn, crash, lines });
}

/** The same through debug information alone: without a record of where types are, and with the one of a run before. */
function byDwarf({ name, dump, pid, vmlinux, module, drgn, crash, lines }) {
  const question = ['-c', dump, '-g', pid, '-p', GPA, '--json'];
  const files = ['--types', 'dwarf', '--vmlinux', vmlinux, '--kvm-module', module];
  const cache = mkdtempSync(join(scratch, 'cache-'));
  const with_ = (folder, ...more) => ['env', `XDG_CACHE_HOME=${folder}`, ...cli(...question, ...more)];
  // A folder that can't be made: nothing is kept.
  const first = with_('/dev/null/none', ...files);
  if (timed(drgn).stdout.includes('"hpa": "')) compare(`${name}, by DWARF, against drgn`, first, drgn);
  if (timed(crash, lines).stdout.includes('PAGE:')) compare(`${name}, by DWARF, against crash`, first, crash, lines);
  compare(`${name}, by DWARF with the record of a run before, against BTF`, with_(cache, ...files), with_(cache));
}

async function inProcess(name, folder, pid) {
  const { host } = await openDump(join(folder, 'vmcore'));
  const road = new Road(host, selectVm(host, pid, null).vm, 0);
  const ascending = road.slots.slots.flatMap(({ first, pages }) => Array.from({ length: pages }, (_, i) => first + i));
  const random = [...ascending];
  let seed = 1;
  for (let i = random.length - 1; i > 0; i--) {
    seed = (seed * 48271) % 0x7fffffff;
    const j = seed % (i + 1);
    [random[i], random[j]] = [random[j], random[i]];
  }
  for (const [order, frames] of [
    ['ascending', ascending],
    ['random', random],
  ]) {
    const rates = Array.from({ length: runs }, () => {
      let mapped = 0;
      const start = performance.now();
      for (let round = 0; round < 20; round++)
        for (const frame of frames) if (road.translate(frame, 0) === 'mapped') mapped++;
      if (mapped === 0) throw new Error('nothing was translated');
      return (frames.length * 20) / (performance.now() - start) / 1000;
    });
    console.log(
      `${name}, in process, ${frames.length} pages ${order}: ${median(rates).toFixed(2)} million translations a second`,
    );
  }
}

function throughput(name, folder, pid, host) {
  const file = join(scratch, 'addresses');
  const pages = host.pages('alpha').map(([gpa]) => gpa.toString(16));
  const lines = Array.from({ length: 1_000_000 }, (_, i) => pages[i % pages.length]);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const args = cli('-c', join(folder, 'vmcore'), '-g', pid, '-p', '-', '--json').map((word) => `'${word}'`);
  const all = Array.from({ length: 3 }, () => timed(['sh', '-c', `${args.join(' ')} < '${file}' > /dev/null`]));
  const seconds = median(all.map((run) => run.seconds));
  const memory = median(all.map((run) => run.memory)) / 1024;
  console.log(
    `${name}, -p - --json: ${(lines.length / seconds / 1000).toFixed(0)} thousand addresses a second, memory ${memory.toFixed(0)} MB`,
  );
}

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0].model}, ${readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}`,
);
if (peers)
  console.log(
    timed(['chroot', peers, 'dpkg-query', '-W', 'crash', 'python3-drgn'])
      .stdout.trim()
      .replaceAll('\n', ', ')
      .replaceAll('\t', ' '),
  );
for (const name of hosts.filter((host) => existsSync(join(shared, 'dumps', host)))) {
  const folder = join(shared, 'dumps', name);
  const host = new RecordedHost(folder);
  const [, pid] = host.facts('GUEST')[0];
  const [, hva] = host.pages('alpha').find(([gpa]) => gpa === (BigInt(`0x${GPA}`) >> 12n) << 12n);
  onePeerEach(name, folder, host.facts('HOST')[0][0], pid, hva.toString(16));
  await inProcess(name, folder, pid);
  throughput(name, folder, pid, host);
}
if (!existsSync(join(shared, 'dumps')))
  console.log(
    `no recorded hosts in ${shared}: ${readdirSync(join(root, 'fixtures')).join(', ')} are too small to time`,
  );
