// SPDX-License-Identifier: Apache-2.0
// kvm-vtop's own speed: translations inside one process, and addresses through the command line.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDump } from 'kvm-vtop';
import { present } from '../scripts/present.mjs';
import { median, memoryOf, RUNS, timed, times } from './measure.mjs';

/** @import { Translator } from 'kvm-vtop' */
/** @import { Command } from './measure.mjs' */

const ROUNDS = 20;
const ADDRESSES = 1_000_000;
const PAGE = 4096;

/**
 * Prints the number of translations per second of a `Translator`, over all pages of a VM.
 *
 * @param {string} name
 * @param {string} dump
 * @param {string} pid
 */
export async function inProcess(name, dump, pid) {
  const vm = (await openDump(dump)).vm(Number(pid));
  const translator = vm.translator();
  const ascending = [...vm.slots()].flatMap(({ gpa, size }) =>
    Array.from({ length: size / PAGE }, (_, i) => Number(gpa) / PAGE + i),
  );
  for (const [order, frames] of /** @type {const} */ ([
    ['ascending', ascending],
    ['random', shuffled(ascending)],
  ])) {
    const rate = median(times(RUNS, () => rateOf(translator, frames))).toFixed(2);
    console.log(`${name}, in process, ${frames.length} pages ${order}: ${rate} million translations per second`);
  }
}

/** Millions of translations per second. @type {(translator: Translator, frames: readonly number[]) => number} */
function rateOf(translator, frames) {
  let mapped = 0;
  const start = performance.now();
  for (let round = 0; round < ROUNDS; round++)
    for (const frame of frames) if (translator.translate(frame) === 'mapped') mapped++;
  if (mapped === 0) throw new Error('nothing was translated');
  return (frames.length * ROUNDS) / (performance.now() - start) / 1000;
}

/** The same order in every run. @type {(frames: readonly number[]) => number[]} */
function shuffled(frames) {
  const list = [...frames];
  let seed = 1;
  for (let i = list.length - 1; i > 0; i--) {
    seed = (seed * 48271) % 0x7fffffff;
    const j = seed % (i + 1);
    const [one, other] = [present(list[i], 'a frame'), present(list[j], 'a frame')];
    [list[i], list[j]] = [other, one];
  }
  return list;
}

/**
 * Prints the number of addresses per second from standard input to JSON.
 *
 * @param {string} name
 * @param {Command} command
 * @param {readonly bigint[]} gpas these are translated repeatedly
 * @param {string} scratch
 */
export function throughput(name, command, gpas, scratch) {
  const file = join(scratch, 'addresses');
  const pages = gpas.map((gpa) => gpa.toString(16));
  const lines = Array.from({ length: ADDRESSES }, (_, i) => pages[i % pages.length]);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const words = [...command, '-p', '-', '--json'].map((word) => `'${word}'`);
  const all = times(3, () => timed(['sh', '-c', `${words.join(' ')} < '${file}' > /dev/null`]));
  const rate = (ADDRESSES / median(all.map(({ seconds }) => seconds)) / 1000).toFixed(0);
  console.log(`${name}, -p - --json: ${rate} thousand addresses per second, memory ${memoryOf(all)}`);
}

/** Frames that `page` is asked for. */
const FRAMES = 2 ** 20;
/** Frames of a recorded host, of 1 GiB. */
const FRAMES_OF_HOST = 2 ** 18;

/**
 * Prints the number of records of pages per second, as JSON.
 *
 * @param {string} name
 * @param {Command} command
 * @param {string} scratch
 */
export function pagesPerSecond(name, command, scratch) {
  const file = join(scratch, 'pages');
  const range = `0+${FRAMES_OF_HOST.toString(16)}`;
  const ranges = Array.from({ length: FRAMES / FRAMES_OF_HOST }, () => range);
  const words = [...command, '--pfn', '--json', '-q', ...ranges].map((word) => `'${word}'`);
  const all = times(3, () => timed(['sh', '-c', `${words.join(' ')} > '${file}'`]));
  const count = Number(timed(['wc', '-l', file]).stdout.split(' ')[0]);
  if (count !== FRAMES) throw new Error(`page printed ${count} of ${FRAMES} records`);
  rmSync(file);
  const seconds = median(all.map((run) => run.seconds));
  const rate = (FRAMES / seconds / 1000).toFixed(0);
  console.log(
    `${name}, page of ${FRAMES} frames, JSON: ${seconds.toFixed(2)} s, ${rate} thousand frames per second, memory ${memoryOf(all)}`,
  );
}
