// SPDX-License-Identifier: Apache-2.0
// kvm-vtop's own speed: translations inside one process, and addresses through the command line.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GuestTranslator, gfn, openDump, selectVm } from 'kvm-vtop';
import { present } from '../scripts/present.mjs';
import { median, memoryOf, RUNS, timed, times } from './measure.mjs';

/** @import { Gfn } from 'kvm-vtop' */
/** @import { Command } from './measure.mjs' */

const ROUNDS = 20;
const ADDRESSES = 1_000_000;

/**
 * Prints how many translations a second a `GuestTranslator` makes, over all pages of a VM.
 *
 * @param {string} name
 * @param {string} dump
 * @param {string} pid
 */
export async function inProcess(name, dump, pid) {
  const { host } = await openDump(dump);
  const translator = new GuestTranslator(selectVm(host, pid, null).vm, 0);
  const ascending = translator.slots.slots.flatMap(({ first, pages }) =>
    Array.from({ length: pages }, (_, i) => gfn(first + i)),
  );
  for (const [order, frames] of /** @type {const} */ ([
    ['ascending', ascending],
    ['random', shuffled(ascending)],
  ])) {
    const rate = median(times(RUNS, () => rateOf(translator, frames))).toFixed(2);
    console.log(`${name}, in process, ${frames.length} pages ${order}: ${rate} million translations a second`);
  }
}

/** Millions of translations a second. @type {(translator: GuestTranslator, frames: readonly Gfn[]) => number} */
function rateOf(translator, frames) {
  let mapped = 0;
  const start = performance.now();
  for (let round = 0; round < ROUNDS; round++)
    for (const frame of frames) if (translator.translate(frame, 0) === 'mapped') mapped++;
  if (mapped === 0) throw new Error('nothing was translated');
  return (frames.length * ROUNDS) / (performance.now() - start) / 1000;
}

/** The same order in every run. @type {(frames: readonly Gfn[]) => Gfn[]} */
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
 * Prints how many addresses a second go from standard input to JSON.
 *
 * @param {string} name
 * @param {Command} command
 * @param {readonly bigint[]} gpas these are asked again and again
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
  console.log(`${name}, -p - --json: ${rate} thousand addresses a second, memory ${memoryOf(all)}`);
}
