// SPDX-License-Identifier: GPL-2.0-or-later
// mutants DUMP --vmlinux FILE --kvm-module FILE [--crash COMMAND] [--extension FILE] [--count N] [--seed S] [--scratch FOLDER]
// Copies of a kdump-compressed dump, each with a page changed that the extension reads (struct kvm, memslots, descriptors,
// page tables of the process): crash with the extension must come to its own "quit". Exit 1 if it does not.
import { copyFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { GuestTranslator, gfn, openDump, openImage, selectVm, silentLog } from '../dist/index.js';
import { random } from '../fuzz/random.mjs';
import { whoReads } from '../fuzz/readers.mjs';
import { commandLine, session } from './session.mjs';

const USAGE = 'usage: mutants DUMP --process PID --vmlinux FILE --kvm-module FILE [--count N] [--seed S]';
const { dump, values } = commandLine(USAGE, {
  process: { type: 'string' },
  count: { type: 'string', default: '100' },
  seed: { type: 'string', default: '1' },
});
if (values.process === undefined) {
  console.error(USAGE);
  process.exit(2);
}
const PAGE = 4096;
const READ = new Set(["the process's page tables", 'memslots', 'files', 'struct kvm, mm_struct']);

/** Frames that are read for a VM, beside what crash itself needs to start; and addresses to ask. */
async function framesRead() {
  const frames = new Map();
  const watch = (image) => ({
    frame(frame) {
      const what = whoReads();
      const known = frames.get(frame);
      frames.set(frame, known === undefined || known === what ? what : 'several');
      return image.frame(frame);
    },
    why: (frame) => image.why(frame),
    get limit() {
      return image.limit;
    },
  });
  const { host, close } = await openDump(dump, { watch, log: silentLog });
  const translator = new GuestTranslator(selectVm(host, values.process, null).vm, 0);
  const addresses = translator.slots.slots.flatMap(({ first, pages }) => [
    first,
    first + (pages >> 1),
    first + pages - 1,
  ]);
  for (const frame of addresses) translator.translate(gfn(frame), 0);
  close();
  return {
    frames: [...frames].filter(([, what]) => READ.has(what)),
    addresses: addresses.map((frame) => (frame * PAGE).toString(16)),
  };
}

/** Where a frame's page descriptor lies: a bit of the second bitmap for each page in front of it. */
async function descriptorOf(file, frame) {
  const header = Buffer.alloc(PAGE);
  await file.read(header, 0, PAGE, 0);
  const [sub, blocks] = [header.readUInt32LE(432), header.readUInt32LE(436)];
  const length = (blocks * PAGE) / 2;
  const bitmap = Buffer.alloc(length);
  await file.read(bitmap, 0, length, (1 + sub) * PAGE + length);
  let rank = 0;
  for (let i = 0; i < frame; i++) rank += (bitmap[i >> 3] >> (i & 7)) & 1;
  return (1 + sub + blocks) * PAGE + rank * 24;
}

/** The page itself, changed, at the end of the file, and its descriptor to it. */
async function change(path, frame, bytes) {
  const file = await open(path, 'r+');
  const { size } = await file.stat();
  const descriptor = Buffer.alloc(24);
  descriptor.writeBigUInt64LE(BigInt(size), 0);
  descriptor.writeUInt32LE(PAGE, 8);
  await file.write(bytes, 0, PAGE, size);
  await file.write(descriptor, 0, 24, await descriptorOf(file, frame));
  await file.close();
}

const WORDS = [0n, 1n, (1n << 64n) - 1n, 0xffffffffn, 1n << 63n, 0xffff888000000000n, 0x4141414141414141n];

function damaged(dice, page) {
  const bytes = Buffer.from(page);
  const kind = dice.below(4);
  const count = kind === 0 ? 1 : 1 + dice.below(64);
  for (let i = 0; i < count; i++) {
    const at = dice.below(512) * 8;
    if (kind === 3) bytes.writeBigUInt64LE(bytes.readBigUInt64LE(dice.below(512) * 8), at);
    else if (kind === 2) bytes.writeBigUInt64LE(dice.pick(WORDS), at);
    else bytes.writeUInt8(bytes.readUInt8(at + dice.below(8)) ^ (1 << dice.below(8)), at + dice.below(8));
  }
  return bytes;
}

const { frames, addresses } = await framesRead();
const { memory, close } = await openImage(dump);
const list = addresses.slice(0, 60).join(' ');
const commands = [`qemu-vtop -j -g ${values.process} -p ${list}`, `qemu-vtop -g ${values.process} -p ${list}`];
const sound = session({ values, dump, extension: values.extension, commands });
if (!sound.isLoaded || !sound.isWhole || !sound.stdout.includes('"gpa"'))
  throw new Error(`no answer on the dump itself: ${sound.stdout.slice(-500)}${sound.stderr}`);
const counts = new Map();
let failures = 0;
for (let mutant = 0; mutant < Number(values.count); mutant++) {
  const dice = random(Number(values.seed), mutant);
  // A process has many descriptors and one struct kvm: what is hit comes first, then which page of it.
  const what = dice.pick([...READ]);
  const [frame] = dice.pick(frames.filter(([, own]) => own === what));
  const path = join(values.scratch, 'vmcore');
  copyFileSync(dump, path);
  await change(path, frame, damaged(dice, [...memory.read(frame * PAGE, PAGE)][0].bytes));
  const { ended, stdout, isLoaded, isWhole } = session({ values, dump: path, extension: values.extension, commands });
  const isDone = ended === 0 && isLoaded && isWhole;
  const outcome = isDone
    ? stdout.includes('"gpa"')
      ? 'answered'
      : 'refused'
    : session({ values, dump: path, extension: null, commands: [] }).isWhole
      ? 'ENDED CRASH'
      : 'crash ends without it too';
  if (outcome === 'ENDED CRASH') {
    failures++;
    console.log(`mutant ${mutant}, frame 0x${frame.toString(16)} (${what}): ${ended}\n${stdout.slice(-500)}`);
  }
  const key = `${what}: ${outcome}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
close();
for (const [key, count] of [...counts].sort()) console.log(`${count} ${key}`);
console.log(`${values.count} mutants, seed ${values.seed}: crash was ended ${failures} times by the extension`);
process.exit(failures === 0 ? 0 : 1);
