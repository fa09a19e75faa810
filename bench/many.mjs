// SPDX-License-Identifier: Apache-2.0
// kvm-vtop scan on many dumps: dumps a minute, by the number of processes, and the largest memory of one; beside a loop of a
// shell over drgn and crash.
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { median, timed, times } from './measure.mjs';

/** @import { Command } from './measure.mjs' */

/** Copies of a dump: names of one file are the same dump. */
const COPIES = 40;
/** Two scans at once, each of half of the 40 copies: what two processes can do here at most. */
const HALVES = 'f=$1; shift; "$@" $f/[0-9] $f/1[0-9] >$f/first & "$@" $f/[23][0-9] >$f/second & wait';
/** A fleet: the time until V8 has optimized the program, that of the first 15 dumps, is a small part. */
const FLEET = 200;
/** Smaller scans, in which the start of the processes takes most of the time. */
const FEW = [1, 6];
/** Copies that the peers are asked about. */
const PEER_COPIES = 5;

/**
 * `peers`: commands that ask others for the same address of a dump, and their input.
 *
 * @param {{ cli: Command, scratch: string }} places
 * @param {{ dump: string, pid: string, gpa: string, peers: readonly { name: string, command: Command, input?: string }[] }} host
 */
export function many({ cli, scratch }, { dump, pid, gpa, peers }) {
  const folder = join(scratch, 'many');
  mkdirSync(folder);
  const copies = Array.from({ length: COPIES }, (_, i) => join(folder, String(i)));
  for (const copy of copies) copyFileSync(dump, copy);
  const questions = ['--run', 'vms', '--run', `vtop -g ${pid} -p ${gpa}`];
  /** @type {number[]} */
  const rates = [];
  for (const jobs of ['1', '2']) {
    const runs = times(3, () => timed([...cli, 'scan', ...copies, ...questions, '-j', jobs]));
    const seconds = median(runs.map((run) => run.seconds));
    rates.push((COPIES / seconds) * 60);
    const peaks = runs.flatMap(({ stdout }) =>
      [...stdout.matchAll(/"peakMemory":(\d+)/g)].map(([, bytes]) => Number(bytes)),
    );
    checkAnswers(runs[0]?.stdout ?? '', COPIES);
    console.log(
      `scan of ${COPIES} dumps, vms and one address, -j ${jobs}: ${seconds.toFixed(2)} s, ${rates.at(-1)?.toFixed(0)} dumps a minute, ` +
        `at most ${(Math.max(...peaks) / 2 ** 20).toFixed(0)} MB in a process`,
    );
  }
  for (const count of FEW) {
    const runs = times(5, () => timed([...cli, 'scan', ...copies.slice(0, count), ...questions, '-j', '1']).seconds);
    console.log(`scan of ${count} of them, -j 1: ${median(runs).toFixed(2)} s`);
  }
  console.log(`two processes against one: ${((rates[1] ?? 0) / (rates[0] ?? 1)).toFixed(2)} times`);
  const apart = times(3, () => timed(['sh', '-c', HALVES, 'sh', folder, ...cli, 'scan', ...questions, '-j', '1']));
  checkAnswers(['first', 'second'].map((name) => readFileSync(join(folder, name), 'utf8')).join(''), COPIES);
  const limit = (COPIES / median(apart.map(({ seconds }) => seconds))) * 60;
  console.log(`two scans of ${COPIES / 2} dumps at once, -j 1: ${(limit / (rates[0] ?? 1)).toFixed(2)} times`);
  const more = Array.from({ length: FLEET - COPIES }, (_, i) => join(folder, String(COPIES + i)));
  for (const copy of more) copyFileSync(dump, copy);
  const fleet = times(3, () => timed([...cli, 'scan', ...copies, ...more, ...questions, '-j', '1']));
  checkAnswers(fleet[0]?.stdout ?? '', FLEET);
  const whole = (FLEET / median(fleet.map(({ seconds }) => seconds))) * 60;
  console.log(`scan of ${FLEET} dumps, vms and one address, -j 1: ${whole.toFixed(0)} dumps a minute`);
  for (const { name, command, input } of peers) {
    const seconds = times(PEER_COPIES, () => timed(command, input).seconds).reduce((sum, each) => sum + each, 0);
    const rate = (PEER_COPIES / seconds) * 60;
    console.log(
      `a loop over ${name}, one address: ${rate.toFixed(0)} dumps a minute; scan -j 1 makes ${((rates[0] ?? 0) / rate).toFixed(1)} times as many of ${COPIES}, ${(whole / rate).toFixed(1)} of ${FLEET}`,
    );
  }
  rmSync(folder, { recursive: true });
}

/** Checks that each dump was answered. @type {(lines: string, dumps: number) => void} */
function checkAnswers(lines, dumps) {
  const answers = lines.match(/"state":"mapped"/g)?.length ?? 0;
  if (answers !== dumps) throw new Error(`scan answered ${answers} of ${dumps} dumps`);
}
