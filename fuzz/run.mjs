// SPDX-License-Identifier: Apache-2.0
// npm run fuzz -- [--mutants N] [--seed S] [--workers W] [--form NAME] [--hit NAME]: damages the
// fixtures in many ways and holds every answer to the right one. Exit 1 if one is wrong without an excuse, hangs, grows too
// large, or ends in anything but our own errors. With --form or --hit (what is changed, as the summary names it) only
// those of the mutants are made.
import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const SLOWEST = 5000;
const LARGEST = 500 * 1024 * 1024;
const PER_MUTANT = 6;
const WORKER = new URL('worker.mjs', import.meta.url);

const { values } = parseArgs({
  options: {
    mutants: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
    form: { type: 'string' },
    hit: { type: 'string' },
  },
});
const [mutants, seed, workers] = [Number(values.mutants), Number(values.seed), Number(values.workers)];
const root = new URL('../fixtures/', import.meta.url).pathname;
const fixtures = readdirSync(root).filter((name) => existsSync(join(root, name, 'facts.json')));
const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kvm-vtop-fuzz-'));

const counts = new Map();
const excused = new Map();
const bad = [];
let [done, slowest, largest] = [0, { ms: 0 }, 0];
const add = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

function take(fixture, report) {
  done++;
  add(counts, `${report.form}\t${report.hit}\t${report.outcome}`);
  if (report.outcome.startsWith('wrong')) add(excused, report.where);
  if (report.ms > slowest.ms) slowest = { ...report, fixture };
  largest = Math.max(largest, report.rss);
  const isBad = ['WRONG', 'internal error'].includes(report.outcome) || report.ms > SLOWEST || report.rss > LARGEST;
  if (isBad)
    bad.push(
      `${fixture} mutant ${report.mutant}: ${report.form}, ${report.hit}: ${report.outcome}, ${Math.round(report.ms)} ms ${report.detail ?? ''}`,
    );
  if (isBad && bad.length <= 20) console.log(bad.at(-1));
  if (done % 10000 === 0) console.error(`${done} of ${mutants}`);
}

/** One fixture's share, by one worker; a mutant that hangs ends it, and another goes on behind it. */
function share(fixture, from, to) {
  return new Promise((resolve, reject) => {
    let next = from;
    let timer;
    const start = () => {
      const workerData = {
        folder: join(root, fixture),
        scratch,
        seed,
        from: next,
        step: 1,
        count: to,
        perMutant: PER_MUTANT,
        only: { form: values.form, hit: values.hit },
      };
      const worker = fork(WORKER, [JSON.stringify(workerData)], { execArgv: ['--max-old-space-size=400'] });
      const watch = () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          bad.push(`${fixture} mutant ${next}: HANGS`);
          console.log(bad.at(-1));
          next++;
          worker.kill('SIGKILL');
        }, 4 * SLOWEST);
      };
      watch();
      worker.on('message', (report) => {
        next = report.mutant + 1;
        take(fixture, report);
        watch();
      });
      worker.on('error', (error) => {
        bad.push(`${fixture} mutant ${next}: worker ended: ${error.message}`);
        console.log(bad.at(-1));
        next++;
      });
      worker.on('exit', (code, signal) => {
        clearTimeout(timer);
        // Killed by us: a mutant that hangs was counted then.
        if (code !== 0 && signal !== 'SIGKILL') {
          bad.push(`${fixture} mutant ${next}: the process ended with ${signal ?? code}`);
          console.log(bad.at(-1));
          next++;
        }
        if (code !== 0 && next < to) start();
        else resolve();
      });
    };
    if (from < to) start();
    else reject(new Error('nothing to do'));
  });
}

const began = Date.now();
// Kernels before 6.0 are searched for their symbols each time: those get a twentieth of a share.
const weights = fixtures.map((name) => (name.includes('5.10') ? 0.05 : 1));
const whole = weights.reduce((sum, weight) => sum + weight, 0);
let at = 0;
const queue = fixtures.map((fixture, i) => {
  const from = at;
  at = i === fixtures.length - 1 ? mutants : Math.min(mutants, at + Math.ceil((mutants * weights[i]) / whole));
  return [fixture, from, at];
});
// Few fixtures and many workers: each fixture in halves.
const pieces = queue.flatMap(([fixture, from, to]) => {
  const middle = (from + to) >> 1;
  return middle > from && middle < to
    ? [
        [fixture, from, middle],
        [fixture, middle, to],
      ]
    : [[fixture, from, to]];
});
/** What is done when it is ended early counts too. */
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    summary();
    process.exit(process.exitCode);
  });
await Promise.all(
  Array.from({ length: workers }, async () => {
    for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) await share(...piece);
  }),
);
summary();

function summary() {
  rmSync(scratch, { recursive: true, force: true });
  const rows = [...counts].map(([key, count]) => [...key.split('\t'), count]);
  const outcomes = [...new Set(rows.map(([, , outcome]) => outcome))].sort();
  const hits = [...new Set(rows.map(([, hit]) => hit))].sort();
  const sum = (filter) => rows.filter(filter).reduce((total, row) => total + row[3], 0);
  console.log(
    `\n${done} mutants of ${fixtures.length} fixtures, seed ${seed}, ${PER_MUTANT} addresses each, ${Math.round((Date.now() - began) / 1000)} s\n`,
  );
  console.log(`| what was changed | ${outcomes.join(' | ')} |\n| --- |${' --- |'.repeat(outcomes.length)}`);
  for (const hit of hits)
    console.log(
      `| ${hit} | ${outcomes.map((outcome) => sum((row) => row[1] === hit && row[2] === outcome)).join(' | ')} |`,
    );
  console.log(`| all | ${outcomes.map((outcome) => sum((row) => row[2] === outcome)).join(' | ')} |`);
  console.log(
    `\nwrong, and a changed byte was read, by where it was: ${
      [...excused]
        .sort(([, a], [, b]) => b - a)
        .map(([where, count]) => `${where} ${count}`)
        .join(', ') || 'none'
    }`,
  );
  console.log(
    `slowest: ${Math.round(slowest.ms)} ms (${slowest.fixture} mutant ${slowest.mutant}, ${slowest.form}, ${slowest.hit})`,
  );
  console.log(`largest process: ${Math.round(largest / 1048576)} MB with ${workers} workers`);
  console.log(`${bad.length} bad`);
  process.exitCode = bad.length === 0 ? 0 : 1;
}
