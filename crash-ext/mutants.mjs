// SPDX-License-Identifier: GPL-2.0-or-later
// mutants DUMP --process PID --vmlinux FILE --kvm-module FILE [--crash COMMAND] [--extension FILE] [--count N]
// [--seed S] [--scratch FOLDER]: makes copies of a kdump-compressed dump, each with one changed page of those that the
// extension reads (struct kvm, memslots, descriptors, page tables of the process). crash with the extension must reach
// the "quit" at the end of its input. Exit status 1 if it does not.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

import { parseArgs } from 'node:util';
import { GuestTranslator, gfn, openDump, openImage, selectVm, silentLog } from '#internal';
import { PAGE } from '../fuzz/forms/kdump.mjs';

import { random } from '../fuzz/random.mjs';
import { FILES, MEMSLOTS, PROCESS_TABLES, STRUCTS, watching, whoReads } from '../fuzz/readers.mjs';
import { present } from '../scripts/present.mjs';
import { damaged, replacePage } from './damage.mjs';
import { exitWithUsage, OPTIONS, session, setupOf } from './session.mjs';

/** @import { Session } from './session.mjs' */
/** A frame, and the reader of it. @typedef {{ frame: number, reader: string }} ReadFrame */

const USAGE = 'usage: mutants DUMP --process PID --vmlinux FILE --kvm-module FILE [--count N] [--seed S]';
/** Readers whose pages are changed. */
const HIT = [PROCESS_TABLES, MEMSLOTS, FILES, STRUCTS];
const MOST_ADDRESSES = 60;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...OPTIONS,
    process: { type: 'string' },
    count: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
});
const setup = setupOf(USAGE, values, positionals);
const { dump, extension } = setup;
const pid = values.process ?? exitWithUsage(USAGE);

/**
 * The frames that are read for the VM of a process, without those that crash itself needs to start; and hexadecimal
 * addresses to translate.
 */
async function framesRead() {
  /** @type {Map<number, string>} */
  const readers = new Map();
  const watch = watching((frame) => {
    const reader = whoReads();
    const known = readers.get(frame) ?? reader;
    readers.set(frame, known === reader ? reader : 'several');
  });
  const { host, close } = await openDump(dump, { watch, log: silentLog });
  const translator = new GuestTranslator(selectVm(host, pid, null).vm, 0);
  const asked = translator.slots.slots.flatMap(({ first, pages }) => [first, first + (pages >> 1), first + pages - 1]);
  for (const frame of asked) translator.translate(gfn(frame), 0);
  close();
  /** @type {ReadFrame[]} */
  const frames = [...readers]
    .map(([frame, reader]) => ({ frame, reader }))
    .filter(({ reader }) => HIT.includes(reader));
  return { frames, addresses: asked.map((frame) => (frame * PAGE).toString(16)) };
}

/** The outcome of crash on a mutant. @type {(path: string, withExtension: Session) => string} */
function outcomeOf(path, { ended, stdout, isLoaded, isWhole }) {
  if (ended === 0 && isLoaded && isWhole) return stdout.includes('"gpa"') ? 'answered' : 'refused';
  const alone = session(setup, { dump: path, extension: null, commands: [] });
  return alone.isWhole ? 'ENDED CRASH' : 'crash ends without it too';
}

const { frames, addresses } = await framesRead();
const { memory, close } = await openImage(dump);
const list = addresses.slice(0, MOST_ADDRESSES).join(' ');
const commands = [`qemu-vtop -j -g ${pid} -p ${list}`, `qemu-vtop -g ${pid} -p ${list}`];
const sound = session(setup, { dump, extension, commands });
if (!sound.isLoaded || !sound.isWhole || !sound.stdout.includes('"gpa"'))
  throw new Error(`no answer on the dump itself: ${sound.stdout.slice(-500)}${sound.stderr}`);
/** @type {Map<string, number>} */
const counts = new Map();
let failures = 0;
for (let mutant = 0; mutant < Number(values.count); mutant++) {
  const dice = random(Number(values.seed), mutant);
  // A process has many descriptors and one struct kvm, so the structure is chosen first, then one of its pages.
  const reader = dice.pick(HIT);
  const { frame } = dice.pick(frames.filter((each) => each.reader === reader));
  const [page] = memory.read(frame * PAGE, PAGE);
  const path = join(setup.scratch, 'vmcore');
  copyFileSync(dump, path);
  await replacePage(path, frame, damaged(dice, present(page?.bytes, `frame ${frame} of ${dump}`)));
  const ran = session(setup, { dump: path, extension, commands });
  const outcome = outcomeOf(path, ran);
  if (outcome === 'ENDED CRASH') {
    failures++;
    console.log(`mutant ${mutant}, frame 0x${frame.toString(16)} (${reader}): ${ran.ended}\n${ran.stdout.slice(-500)}`);
  }
  const key = `${reader}: ${outcome}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
close();
for (const [key, count] of [...counts].sort()) console.log(`${count} ${key}`);
console.log(`${values.count} mutants, seed ${values.seed}: crash was ended ${failures} times by the extension`);
process.exit(failures === 0 ? 0 : 1);
