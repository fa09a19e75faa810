// SPDX-License-Identifier: Apache-2.0
// Times of whole processes.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { present } from '../scripts/present.mjs';

/** A command: the program, and its arguments. @typedef {readonly [string, ...string[]]} Command */
/**
 * A process that has ended: seconds, and its maximum memory in KiB (NaN without /usr/bin/time).
 *
 * @typedef {{ seconds: number, memory: number, stdout: string }} Timed
 */

/** Number of pairs for a comparison. */
export const RUNS = Number(process.env.KVM_VTOP_BENCH_RUNS ?? 7);
const METER = '/usr/bin/time';

/** @type {(list: readonly number[]) => number} */
export const median = (list) =>
  present([...list].sort((a, b) => a - b)[Math.floor(list.length / 2)], 'a measurement to take the median of');

/** The results of `count` calls. @type {<T>(count: number, measure: () => T) => T[]} */
export const times = (count, measure) => Array.from({ length: count }, measure);

/** Runs a command. @type {(command: Command, input?: string) => Timed} */
export function timed(command, input) {
  const isMetered = existsSync(METER);
  const [file, ...args] = isMetered ? /** @type {const} */ ([METER, '-f', '%M', ...command]) : command;
  const start = performance.now();
  const { stdout, stderr } = spawnSync(file, args, { input, encoding: 'latin1', maxBuffer: 2 ** 30 });
  const seconds = (performance.now() - start) / 1000;
  return { seconds, memory: isMetered ? Number(stderr.trim().split('\n').at(-1)) : Number.NaN, stdout };
}

/** @type {(list: readonly Timed[]) => string} */
const summary = (list) => `${(median(list.map(({ seconds }) => seconds)) * 1000).toFixed(0)} ms`;

/** Median of the maximum memory, in MiB. @type {(list: readonly Timed[]) => string} */
export const memoryOf = (list) => `${(median(list.map(({ memory }) => memory)) / 1024).toFixed(0)} MB`;

/** A command, or what makes one for each run. @typedef {Command | (() => Command)} Runs */

/** @type {(runs: Runs) => Command} */
const commandOf = (runs) => (typeof runs === 'function' ? runs() : runs);

/**
 * Prints a comparison of two commands. They run alternately, and the ratio is computed for each pair, because the speed
 * of the machine varies over time.
 *
 * @param {string} title
 * @param {Runs} a
 * @param {Command} b
 * @param {string} [input] standard input of b
 */
export function compare(title, a, b, input) {
  timed(commandOf(a));
  timed(b, input);
  const pairs = times(RUNS, () => ({ ours: timed(commandOf(a)), theirs: timed(b, input) }));
  const [ours, theirs] = [pairs.map((pair) => pair.ours), pairs.map((pair) => pair.theirs)];
  const ratio = median(pairs.map((pair) => pair.ours.seconds / pair.theirs.seconds));
  console.log(
    `${title}: ${summary(ours)} against ${summary(theirs)}, ratio ${ratio.toFixed(3)}; ` +
      `memory ${memoryOf(ours)} against ${memoryOf(theirs)}`,
  );
}
