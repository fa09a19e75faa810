// SPDX-License-Identifier: Apache-2.0
// node scripts/kill-scan.mjs [--queue] [KILLS]: kills `scan` or one of its processes by SIGKILL at random moments, continues it until
// it is done, and compares each complete result with that of an undisturbed scan (docs/fleets.md). With --queue: two workers of a
// queue, their processes, and redis-server, which must be installed. Needs a build.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseJson } from './json.mjs';

const DUMPS = 40;
const FIXTURES = ['debian-7.2-vms', 'debian-5.10-vms', 'debian-6.12-intel-vms'];
/** Milliseconds within which a scan is killed. */
const SPAN = 1500;
const kills = Number(process.argv.slice(2).find((word) => word !== '--queue') ?? 50);
const hasQueue = process.argv.includes('--queue');

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist', 'cli.js');
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-kills-'));
process.on('exit', () => {
  rmSync(folder, { recursive: true });
});
const dumps = Array.from({ length: DUMPS }, (_, i) => {
  const path = join(folder, `dump${i}`);
  copyFileSync(join(root, 'fixtures', FIXTURES[i % FIXTURES.length] ?? '', 'vmcore.kdump'), path);
  return path;
});

/**
 * What must be the same in each scan.
 *
 * @param {string} lines
 */
const contentOf = (lines) =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const record = /** @type {Record<string, unknown>} */ (parseJson(line));
      // These are different in each scan.
      return JSON.stringify({ ...record, seconds: null, peakMemory: null });
    })
    .join('\n');

const right = contentOf(execFileSync(process.execPath, [cli, 'scan', ...dumps, '-q'], { encoding: 'utf8' }));
let done = 0;
let whole = 0;
let bad = 0;

/**
 * Kills a process.
 *
 * @param {number | undefined} victim
 */
function kill(victim) {
  try {
    process.kill(Number(victim), 'SIGKILL');
    done++;
  } catch {
    // It has ended in between.
  }
}

/** @param {import('node:child_process').ChildProcess} child */
const endOf = (child) => new Promise((resolve) => child.once('exit', resolve));

/**
 * One of the processes that a process has started.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
function oneOf({ pid }) {
  const own = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n')
    .map(Number);
  return own[Math.floor(Math.random() * own.length)] || pid;
}

/**
 * Compares a complete result.
 *
 * @param {string} output
 */
function compare(output) {
  whole++;
  if (contentOf(readFileSync(output, 'utf8')) === right) return;
  bad++;
  console.log(`result ${whole} differs`);
}

async function killScans() {
  let isWhole = true;
  while (done < kills || !isWhole) {
    const output = join(folder, `result${whole}.jsonl`);
    const child = spawn(process.execPath, [cli, 'scan', ...dumps, '-o', output, '-q'], { stdio: 'ignore' });
    const end = endOf(child);
    while (done < kills && (await Promise.race([wait(Math.random() * SPAN, true), end.then(() => false)])))
      kill(Math.random() < 0.5 ? child.pid : oneOf(child));
    await end;
    isWhole = existsSync(output);
    if (isWhole) compare(output);
  }
}

/** The port of the server. */
const PORT = 7379;

function startServer() {
  const words = ['--port', String(PORT), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'];
  return spawn('redis-server', words, { stdio: 'ignore' });
}

async function killWorkers() {
  let server = startServer();
  const counts = { worker: 0, process: 0, server: 0 };
  while (done < kills) {
    const results = join(folder, `results${whole}`);
    /** @param {readonly string[]} words */
    const queued = (...words) => [cli, 'scan', '--queue', `redis://127.0.0.1:${PORT}`, ...words, '--results', results];
    const name = ['--name', `queue${whole}`];
    while (spawnSync(process.execPath, queued('submit', ...dumps, ...name, '--backoff', '1')).status !== 0)
      await wait(200);
    const start = () => {
      const words = queued('work', '--root', folder, '--lock', '2', '-j', '1', '--drain', '-q', ...name);
      const child = spawn(process.execPath, words, { stdio: 'ignore' });
      return { child, end: endOf(child) };
    };
    let workers = [start(), start()];
    const isOver = () => workers.some(({ child }) => child.exitCode !== null);
    while (done < kills && !isOver()) {
      await wait(Math.random() * SPAN * 2);
      const at = Math.floor(Math.random() * 2);
      const { child, end } = workers[at] ?? start();
      const kind = Math.random();
      const before = done;
      if (kind < 0.4) kill(oneOf(child));
      else if (kind < 0.75) {
        kill(child.pid);
        await end;
        if (child.signalCode !== null) workers = workers.map((each, i) => (i === at ? start() : each));
      } else {
        const ended = endOf(server);
        kill(server.pid);
        await ended;
        await wait(Math.random() * SPAN);
        server = startServer();
      }
      counts[kind < 0.4 ? 'process' : kind < 0.75 ? 'worker' : 'server'] += done - before;
    }
    await Promise.all(workers.map(({ end }) => end));
    const output = join(folder, `result${whole}.jsonl`);
    const run = spawnSync(process.execPath, queued('collect', '-o', output, ...name), { encoding: 'utf8' });
    if (run.status !== 0) {
      bad++;
      console.log(run.stderr);
      break;
    }
    compare(output);
  }
  console.log(`killed: ${counts.worker} workers, ${counts.process} of their processes, ${counts.server} servers`);
  server.kill('SIGKILL');
}

await (hasQueue ? killWorkers() : killScans());
console.log(`${done} kills, ${whole} complete scans, ${bad} of them not as an undisturbed one`);
process.exitCode = bad === 0 ? 0 : 1;
