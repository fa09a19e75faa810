// SPDX-License-Identifier: Apache-2.0
// npm run fuzz -- [--mutants N] [--seed S] [--workers W] [--ask KIND] [--one] [--part I/N] [--fixture NAME] [--form NAME]
// [--hit NAME] [--excused N]: damages the fixtures in many ways and compares every answer with the right one. Exit status
// 1 if a mutant gives a wrong answer without an excuse, hangs, uses too much memory, or ends with anything but one of the
// program's own errors. --ask addresses takes the fixtures with addresses, --ask commands those for vms, slots, vcpus and
// map, --ask owners those for owner, page and hva, --ask guests those with a guest's memory or a log; with --one each mutant is asked
// one of these, which allows more mutants in the same time. --part I/N runs the I-th of N parts of the mutants: the parts
// together are the same as one run. --form and --hit (what is changed, as named in the summary) restrict
// the mutants. --excused prints N of the answers that are excused by other
// bytes than page-table entries.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Share, stopWorkers } from './share.mjs';
import { LIMIT_MS, Tally } from './tally.mjs';

/** A mutant counts as hanging if it takes several times the limit for slow ones. */
const HANGS_MS = 4 * LIMIT_MS;

const { values } = parseArgs({
  options: {
    mutants: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
    ask: { type: 'string' },
    one: { type: 'boolean', default: false },
    part: { type: 'string', default: '1/1' },
    fixture: { type: 'string' },
    excused: { type: 'string', default: '0' },
    form: { type: 'string' },
    hit: { type: 'string' },
  },
});
const [mutants, seed, workers] = [Number(values.mutants), Number(values.seed), Number(values.workers)];
const root = new URL('../fixtures/', import.meta.url).pathname;
/** What a fixture is asked, by the facts that it has; undefined: no command that is asked here reads it. @type {(name: string) => string | undefined} */
const kindOf = (name) => {
  const has = (/** @type {string} */ file) => existsSync(join(root, name, file));
  if (has('guest.json') || has('serial.log')) return 'guests';
  if (has('facts.json')) return 'addresses';
  if (has('owners.json')) return 'owners';
  return has('vcpus.json') || has('pages.txt.gz') ? 'commands' : undefined;
};
/** @type {(name: string) => boolean} */
const isChosen = (name) => {
  const kind = kindOf(name);
  return kind !== undefined && (values.ask ?? kind) === kind && (values.fixture ?? name) === name;
};
const fixtures = readdirSync(root).filter((name) => existsSync(join(root, name, 'vmcore.kdump')) && isChosen(name));
const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kvm-vtop-fuzz-'));
const tally = new Tally(mutants, Number(values.excused));
const began = Date.now();

const [part = 0, parts = 0] = values.part.split('/').map(Number);
if (!(Number.isInteger(part) && Number.isInteger(parts) && part >= 1 && part <= parts)) {
  console.error('--part must be I/N with 1 <= I <= N, for example --part 2/4');
  process.exit(2);
}

/** Mutants `from` to `to` - 1 of a fixture. @typedef {{ fixture: string, from: number, to: number }} Piece */

/** The mutants of each fixture, divided in two: there are few fixtures and many workers. @returns {Piece[]} */
function pieces() {
  // Kernels before 6.0 are searched for their symbols each time, as is that of a guest, so they get only a part of a share.
  const weights = fixtures.map((name) => (name.includes('5.10') ? 0.05 : name.includes('guest-kernel') ? 0.15 : 1));
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  let at = 0;
  return fixtures.flatMap((fixture, i) => {
    const from = at;
    const share = Math.ceil((mutants * (weights[i] ?? 1)) / whole);
    const to = i === fixtures.length - 1 ? mutants : Math.min(mutants, from + share);
    at = to;
    /** The end of the I-th of all parts. @type {(count: number) => number} */
    const cut = (count) => from + Math.floor(((to - from) * count) / parts);
    const [first, last] = [cut(part - 1), cut(part)];
    const middle = (first + last) >> 1;
    const halves = [
      { fixture, from: first, to: middle },
      { fixture, from: middle, to: last },
    ];
    return halves.filter((piece) => piece.from < piece.to);
  });
}

function end() {
  rmSync(scratch, { recursive: true, force: true });
  const seconds = Math.round((Date.now() - began) / 1000);
  const count = fixtures.length === 1 ? '1 fixture' : `${fixtures.length} fixtures`;
  tally.print(`${count}, seed ${seed}, ${seconds} s`, workers);
  process.exitCode = tally.isGood ? 0 : 1;
}

// A run that is interrupted reports what was done.
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    stopWorkers();
    end();
    process.exit(process.exitCode);
  });

const queue = pieces();
await Promise.all(
  Array.from({ length: workers }, async () => {
    for (let piece = queue.shift(); piece !== undefined; piece = queue.shift()) {
      const { fixture, from, to } = piece;
      const only = { form: values.form, hit: values.hit };
      const task = {
        folder: join(root, fixture),
        kind: kindOf(fixture) ?? '',
        scratch,
        seed,
        from,
        to,
        one: values.one,
        only,
      };
      await new Share(fixture, task, HANGS_MS, tally).run();
    }
  }),
);
end();
