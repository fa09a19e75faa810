// SPDX-License-Identifier: Apache-2.0
// kvm-vtop map and owner on a host of 1 TiB: pages a second by the size of the guest, beside drgn's walk of the same page
// tables; and the owners of 1, 1,000 and 1,000,000 frames.
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, memoryOf, timed, times } from './measure.mjs';

/** @import { Command } from './measure.mjs' */
/** @import { Places } from './peers.mjs' */

const PAGES_PER_GIB = 2 ** 18;
/** @type {readonly (readonly [number, 'elf' | 'kdump'])[]} */
const CASES = [
  [16, 'elf'],
  [64, 'elf'],
  [256, 'elf'],
  [256, 'kdump'],
];
/** The size of the guest, and the numbers of frames, of which owners are asked for. */
const OWNED = 256;
/** The size of the guest whose memory is searched and extracted, in GiB. */
const SEARCHED = 4;
const OWNERS = [1, 1_000, 1_000_000];
/** The machine's frames, and the first one of the guest's memory (big-host.mjs). */
const FRAMES = 2 ** 28;
const MEMORY = 2 ** 21;
/** Pages that drgn is asked for, from the start of the large slot. */
const ASKED = 100_000;
const FIRST = 0x400000;

/**
 * `drgn`: the command that asks drgn for a range of a dump; null without peers.
 *
 * @param {Places} places
 * @param {{ source: string, pid: string, drgn: ((dump: string, words: readonly string[]) => Command) | null }} host
 */
export function scale({ cli, scratch }, { source, pid, drgn }) {
  const maker = fileURLToPath(new URL('big-host.mjs', import.meta.url));
  for (const [gib, form] of CASES) {
    const dump = join(scratch, `${gib}-${form}`);
    timed([process.execPath, maker, source, pid, dump, String(gib), form]);
    const runs = times(3, () => timed([...cli, 'map', '-c', dump, '-g', pid, '--summary', '--json']));
    const seconds = median(runs.map((run) => run.seconds));
    const bytes = /"bytes":(\d+)/.exec(runs[0]?.stdout ?? '')?.[1];
    if (Number(bytes) < gib * 2 ** 30) throw new Error(`the map of ${gib} GiB has ${bytes ?? 'no'} bytes`);
    const rate = ((gib * PAGES_PER_GIB) / seconds / 1e6).toFixed(1);
    console.log(
      `map of ${gib} GiB in pages of 4 KiB, ${form}: ${seconds.toFixed(2)} s, ${rate} million pages a second, ${memoryOf(runs)}`,
    );
    if (drgn !== null && form === 'elf' && gib === 16) peer(drgn, dump);
    if (gib === OWNED) for (const frames of OWNERS) owners(cli, { dump, gib, form, frames, scratch });
    rmSync(dump);
  }
  const filled = join(scratch, 'filled');
  timed([process.execPath, maker, source, pid, filled, String(SEARCHED), 'filled']);
  contents(cli, filled, { pid, scratch });
  rmSync(filled);
}

/** Search and extract on a guest in an ELF dump. @type {(cli: Command, dump: string, more: { pid: string, scratch: string }) => void} */
function contents(cli, dump, { pid, scratch }) {
  const target = join(scratch, 'extracted');
  const of = ['-c', dump, '-g', pid, '-q'];
  /** @type {readonly (readonly [string, readonly string[]])[]} */
  const asked = [
    ['search for a text', ['search', ...of, '-s', 'a text that is not there']],
    ['search for a regular expression', ['search', ...of, '-e', 'Linux version [0-9]+[.]x[0-9]']],
    ['extract, ELF', ['extract', ...of, '-o', target, '--force']],
  ];
  for (const [what, words] of asked) {
    const runs = times(3, () => timed([...cli, ...words]));
    const seconds = median(runs.map((run) => run.seconds));
    const rate = ((SEARCHED * 2 ** 30) / seconds / 1e6).toFixed(0);
    console.log(
      `${what} in ${SEARCHED} GiB in pages of 4 KiB, ELF: ${seconds.toFixed(2)} s, ${rate} MB a second, ${memoryOf(runs)}`,
    );
  }
  rmSync(target);
}

/** @type {(drgn: (dump: string, words: readonly string[]) => Command, dump: string) => void} */
function peer(drgn, dump) {
  /** @type {(pages: number) => number} */
  const seconds = (pages) => {
    const run = timed(drgn(dump, ['--range', FIRST.toString(16), (FIRST + pages * 4096).toString(16), '1000']));
    return run.stdout === '' ? Number.NaN : run.seconds;
  };
  const rate = (ASKED / (seconds(ASKED + 1) - seconds(1)) / 1e6).toFixed(3);
  if (Number.isNaN(Number(rate))) console.log('drgn does not answer');
  else console.log(`the same by drgn, ${ASKED} pages: ${rate} million pages a second`);
}

/**
 * The owners of frames all over the guest's memory, as JSON in a file: the whole process, and the search of the page tables in
 * it.
 *
 * @param {readonly string[]} cli
 * @param {{ dump: string, gib: number, form: string, frames: number, scratch: string }} host
 */
function owners(cli, { dump, gib, form, frames, scratch }) {
  const [asked, output, log] = ['frames', 'owners', 'log'].map((name) => `'${join(scratch, `${name}.txt`)}'`);
  const step = (FRAMES - MEMORY) / frames;
  const lines = Array.from({ length: frames }, (_, i) => Math.floor(MEMORY + i * step).toString(16));
  writeFileSync(join(scratch, 'frames.txt'), `${lines.join('\n')}\n`);
  const command = [...cli, 'owner', '-c', dump, '--pfn', '--json', '-q', '-v', '-']
    .map((word) => `'${word}'`)
    .join(' ');
  const runs = times(3, () => {
    const run = timed(['sh', '-c', `${command} < ${asked} > ${output} 2> ${log}`]);
    // The first step of this name is the opening of the kernel.
    const found = [...readFileSync(join(scratch, 'log.txt'), 'utf8').matchAll(/^page tables: ([\d.]+) ms$/gm)];
    return { ...run, search: Number(found.at(-1)?.[1]) / 1000 };
  });
  if (statSync(join(scratch, 'owners.txt')).size < frames * 100)
    throw new Error(`owner answered ${frames} frames with too little`);
  const [seconds, search] = [median(runs.map((run) => run.seconds)), median(runs.map((run) => run.search))];
  console.log(
    `owners of ${frames} frames, ${gib} GiB in pages of 4 KiB, ${form}: ${seconds.toFixed(2)} s, ${memoryOf(runs)}; ` +
      `the page tables in ${search.toFixed(2)} s, ${((gib * PAGES_PER_GIB) / search / 1e6).toFixed(1)} million entries a second`,
  );
  rmSync(join(scratch, 'owners.txt'));
}
