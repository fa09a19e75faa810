// SPDX-License-Identifier: Apache-2.0
// node fuzz/ends.mjs [--runs N] [--parallel P] [--limit SECONDS] [--stress]: starts the built program N times, P at
// once, in the ways that take long, and counts the runs that do not end in time. With --stress V8 runs threads that
// request garbage collections all the time, which makes the deadlock of nodejs/node#54918 likely. Exit status 1 if a
// run does not end, or ends with another status than expected.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { present } from '../scripts/present.mjs';

const ADDRESSES = 200_000;
const STRESS = ['--stress-concurrent-allocation', '--no-incremental-marking', '--heap-growing-percent=1'];

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '400' },
    parallel: { type: 'string', default: String(2 * availableParallelism()) },
    stress: { type: 'boolean', default: false },
    limit: { type: 'string', default: '120' },
  },
});
const [runs, parallel, limit] = [Number(values.runs), Number(values.parallel), 1000 * Number(values.limit)];
/** @type {(path: string) => string} */
const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const shared = process.env.KVM_VTOP_SHARED ?? at('../shared');
const scratch = mkdtempSync(join(tmpdir(), 'kvm-vtop-ends-'));
const many = join(scratch, 'addresses');
writeFileSync(many, Array.from({ length: ADDRESSES }, (_, i) => `${((i % 30000) * 4096).toString(16)}\n`).join(''));

const cli = [...(values.stress ? STRESS : []), at('dist/cli.js')];
const ask = ['-c', at('fixtures/debian-6.1/vmcore.kdump'), '-g', '136', '--json'];
const kvmKo = join(shared, 'debug/6.12.107+deb13-amd64/kvm.ko.xz');
const host = join(shared, 'dumps/debian-6.12-zstd/vmcore');
const dwarf = ['-c', host, '-g', '182', '-p', '840', '--json', '--types', 'dwarf', '--kvm-module', kvmKo];
/**
 * A kind of run: its arguments, its input and output (`closed`: a pipe that its reader closes), and its exit status.
 *
 * @typedef {{ name: string, args: string[], input: string, output: string, status: number }} Kind
 */
/** @type {Kind[]} */
const kinds = [
  { name: 'addresses from standard input', args: [...ask, '-p', '-'], input: many, output: 'pipe', status: 1 },
  { name: 'a reader that closes the pipe', args: [...ask, '-p', '-'], input: many, output: 'closed', status: 0 },
  { name: 'a full disk', args: [...ask, '-p', '-'], input: many, output: '/dev/full', status: 2 },
  ...(existsSync(kvmKo) ? [{ name: '--types dwarf', args: dwarf, input: '/dev/null', output: 'pipe', status: 0 }] : []),
];

/** Runs of a kind: those that ended as expected, the others, and the longest time in milliseconds. */
const counts = new Map(kinds.map((kind) => [kind, { ended: 0, bad: 0, slowest: 0 }]));

/**
 * Starts the program with the input and output of `kind`.
 *
 * @type {(kind: Kind) => import('node:child_process').ChildProcess}
 */
function start({ args, input, output }) {
  const from = openSync(input, 'r');
  const to = output.startsWith('/') ? openSync(output, 'w') : 'pipe';
  const child = spawn(process.execPath, [...cli, ...args], { stdio: [from, to, 'ignore'] });
  closeSync(from);
  if (to !== 'pipe') closeSync(to);
  const { stdout } = child;
  if (output === 'closed') stdout?.once('data', () => stdout.destroy());
  else stdout?.resume();
  return child;
}

/** The exit status; null if the program had to be killed. @type {(kind: Kind) => Promise<number | null>} */
function statusOf(kind) {
  const child = start(kind);
  const timer = setTimeout(() => {
    console.log(`${kind.name}: does not end (pid ${child.pid ?? 'unknown'})`);
    child.kill('SIGKILL');
  }, limit);
  return new Promise((resolve) => {
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve(status);
    });
  });
}

/** @type {(kind: Kind) => Promise<void>} */
async function runOnce(kind) {
  const began = performance.now();
  const status = await statusOf(kind);
  const count = present(counts.get(kind), kind.name);
  if (status === kind.status) count.ended++;
  else count.bad++;
  if (status !== kind.status && status !== null) console.log(`${kind.name}: status ${status}`);
  count.slowest = Math.max(count.slowest, performance.now() - began);
}

const began = performance.now();
let next = 0;
await Promise.all(
  Array.from({ length: parallel }, async () => {
    while (next < runs) await runOnce(present(kinds[next++ % kinds.length], 'a kind of run'));
  }),
);
rmSync(scratch, { recursive: true });
for (const [{ name }, { ended, bad, slowest }] of counts)
  console.log(
    `${name}: ${ended} of ${ended + bad} ended as expected, the slowest after ${(slowest / 1000).toFixed(1)} s`,
  );
console.log(`${runs} runs, ${parallel} at once, ${Math.round((performance.now() - began) / 1000)} s`);
if ([...counts.values()].some(({ bad }) => bad > 0)) process.exitCode = 1;
