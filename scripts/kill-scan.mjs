// SPDX-License-Identifier: Apache-2.0
// node scripts/kill-scan.mjs [KILLS]: kills `scan` or one of its processes by SIGKILL at random moments, continues it until it is
// done, and compares each complete result with that of an undisturbed scan (docs/fleets.md). Needs a build.
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
const kills = Number(process.argv[2] ?? 50);

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
/** Whether the last scan came to its end. */
let isWhole = true;
while (done < kills || !isWhole) {
  const output = join(folder, `result${whole}.jsonl`);
  const child = spawn(process.execPath, [cli, 'scan', ...dumps, '-o', output, '-q'], { stdio: 'ignore' });
  const end = new Promise((resolve) => child.once('exit', resolve));
  while (done < kills && (await Promise.race([wait(Math.random() * SPAN, true), end.then(() => false)]))) {
    const own = spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n')
      .map(Number);
    const victim = Math.random() < 0.5 ? child.pid : own[Math.floor(Math.random() * own.length)];
    try {
      process.kill(victim || Number(child.pid), 'SIGKILL');
      done++;
    } catch {
      // It has ended in between.
    }
  }
  await end;
  isWhole = existsSync(output);
  if (!isWhole) continue;
  whole++;
  if (contentOf(readFileSync(output, 'utf8')) === right) continue;
  bad++;
  console.log(`result ${whole} differs`);
}
console.log(`${done} kills, ${whole} complete scans, ${bad} of them not as an undisturbed one`);
process.exitCode = bad === 0 ? 0 : 1;
