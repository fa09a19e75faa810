// SPDX-License-Identifier: Apache-2.0
// node bench/fleet.mjs sizing [COPIES]: the sizing table of docs/fleets.md: dumps a minute, processor time, memory and bytes read, by the
// kind of dump and what is asked. Copies of the recorded hosts' dumps (KVM_VTOP_SHARED, default ../shared) are scanned with one process and with one for
// each processor.
// node bench/fleet.mjs memory [DUMPS]: the memory of a scan of many dumps (default 1000), and of its processes, in the course of time. The
// dumps are copies of three fixtures.
// Both need a build.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseJson } from '../scripts/json.mjs';
import { present } from '../scripts/present.mjs';
import { RecordedHost } from '../scripts/recorded-host.mjs';
import { median } from './measure.mjs';

/** @typedef {{ record: string, status: string, peakMemory: number, seconds: number }} DumpRecord */

const HOSTS = ['debian-5.10-lzo', 'debian-6.1-zlib', 'debian-6.12-zstd', 'debian-7.2-zstd-contents'];
const FIXTURES = ['debian-5.10', 'debian-6.12-intel-vms', 'debian-7.2'];
const VM = 'alpha';
const GPA = '1001840';
const MIB = 2 ** 20;

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist', 'cli.js');
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-fleet-'));
process.on('exit', () => {
  rmSync(folder, { recursive: true });
});

/**
 * Copies of a file: names of one file are the same dump.
 *
 * @param {readonly string[]} files
 * @param {number} count
 */
function copiesOf(files, count) {
  const own = mkdtempSync(join(folder, 'dumps-'));
  return Array.from({ length: count }, (_, i) => {
    const copy = join(own, String(i));
    copyFileSync(present(files[i % files.length], 'a dump'), copy);
    return copy;
  });
}

/** @param {string} stdout */
const recordsIn = (stdout) =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{"record":"dump"'))
    .map((line) => /** @type {DumpRecord} */ (parseJson(line)));

/**
 * Bytes that a process has read from files, with those of the program.
 *
 * @param {readonly string[]} words
 */
function bytesRead(words) {
  // The process says it when it ends: /proc has nothing of one that has ended.
  const hook =
    "data:text/javascript,import{readFileSync as r,writeSync as w}from'fs';process.on('exit',()=>w(2,'\\n'+r('/proc/self/io')))";
  const { stderr } = spawnSync(process.execPath, ['--import', hook, cli, ...words], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  return Number(present(/^rchar: (\d+)$/m.exec(stderr)?.[1], 'rchar in /proc/self/io'));
}

/**
 * Runs a script of Node.js; with the processor time of it and of all processes that it has waited for, in seconds.
 *
 * @param {readonly string[]} words
 */
function metered(words) {
  // The shell prints its own times, and then those of its children.
  const { stdout } = spawnSync('sh', ['-c', '"$@"; times', 'sh', process.execPath, ...words], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const times = [...(stdout.trimEnd().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  return { stdout, cpu: times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0) };
}

/** @param {number} count */
function sizing(count) {
  const shared = resolve(process.env.KVM_VTOP_SHARED ?? join(root, '..', 'shared'));
  const cores = availableParallelism();
  const none = bytesRead(['vms', '-c', '/dev/null']);
  console.log(
    `| dump | asked | dumps a minute, 1 process | ${cores} processes | processor time of a dump | memory of a process | read of a dump |`,
  );
  console.log('| --- | --- | ---: | ---: | ---: | ---: | ---: |');
  for (const name of HOSTS.filter((each) => existsSync(join(shared, 'dumps', each)))) {
    const dump = join(shared, 'dumps', name, 'vmcore');
    const { pid } = present(
      new RecordedHost(join(shared, 'dumps', name)).facts('GUEST').find((guest) => guest.name === VM),
      `guest ${VM} of ${name}`,
    );
    const one = ['vtop', '-g', pid, '-p', GPA];
    const { stdout } = spawnSync(process.execPath, [cli, '-c', dump, ...one.slice(1), '--json'], { encoding: 'utf8' });
    const { hpa } = /** @type {{ hpa: string }} */ (parseJson(present(stdout.split('\n')[0], 'an answer')));
    const copies = copiesOf([dump], count);
    for (const runs of [[['vms']], [['vms'], one], [['map', '-g', pid, '--summary']], [['owner', hpa]]]) {
      const asked = runs.flatMap((words) => ['--run', words.join(' ')]);
      const scans = [1, cores].map((jobs) => {
        const began = performance.now();
        const run = metered([cli, 'scan', ...copies, ...asked, '-j', String(jobs), '-q']);
        const rate = (count / (performance.now() - began)) * 60_000;
        const records = recordsIn(run.stdout);
        if (records.length !== count || records.some(({ status }) => status === 'failed')) throw new Error(run.stdout);
        return { rate, cpu: run.cpu / count, memory: Math.max(...records.map(({ peakMemory }) => peakMemory)) };
      });
      // A dump is opened for each kind of command; the commands of these runs are of one kind.
      const read = runs.map(([command = '', ...words]) =>
        bytesRead(command === 'vtop' ? ['-c', dump, ...words] : [command, '-c', dump, ...words]),
      );
      const shown = [
        name,
        runs.map(([command]) => command).join(' and '),
        ...scans.map(({ rate }) => rate.toFixed(0)),
        `${present(scans[0], 'a scan').cpu.toFixed(2)} s`,
        `${(Math.max(...scans.map(({ memory }) => memory)) / MIB).toFixed(0)} MiB`,
        `${((Math.max(...read) - none) / MIB).toFixed(1)} MiB of ${(statSync(dump).size / MIB).toFixed(0)} MiB`,
      ];
      console.log(`| ${shown.join(' | ')} |`);
    }
  }
}

/**
 * Resident bytes of a process.
 *
 * @param {number | undefined} pid
 */
function residentOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096;
  } catch {
    return 0;
  }
}

/** @param {number} count */
async function memory(count) {
  const copies = copiesOf(
    FIXTURES.map((name) => join(root, 'fixtures', name, 'vmcore.kdump')),
    count,
  );
  const child = spawn(process.execPath, [cli, 'scan', ...copies, '--run', 'vms', '-q'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => {
    text += String(piece);
  });
  const ended = new Promise((done) => child.once('close', done));
  /** @type {{ done: number, bytes: number }[]} */
  const parent = [];
  while (child.exitCode === null) {
    parent.push({ done: recordsIn(text.slice(0, text.lastIndexOf('\n') + 1)).length, bytes: residentOf(child.pid) });
    await wait(1000);
  }
  await ended;
  const records = recordsIn(text);
  if (records.length !== count) throw new Error(`${records.length} of ${count} dumps`);
  console.log('| dumps | memory of the scan, at most | memory of a process that reads, median | at most |');
  console.log('| --- | ---: | ---: | ---: |');
  const parts = 5;
  for (let i = 0; i < parts; i++) {
    const [from, to] = [(count * i) / parts, (count * (i + 1)) / parts];
    const own = records.slice(from, to).map(({ peakMemory }) => peakMemory / MIB);
    const seen = parent.filter(({ done }) => done >= from && done <= to).map(({ bytes }) => bytes / MIB);
    const texts = [Math.max(...seen), median(own), Math.max(...own)].map((value) => `${value.toFixed(0)} MiB`);
    console.log(`| ${from + 1} to ${to} | ${texts.join(' | ')} |`);
  }
}

const [, , what = '', number] = process.argv;
console.log(`Node.js ${process.version}, ${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(1)}`);
if (what === 'sizing') sizing(Number(number ?? 10));
else if (what === 'memory') await memory(Number(number ?? 1000));
else {
  console.error('usage: fleet sizing [COPIES] | memory [DUMPS]');
  process.exitCode = 2;
}
