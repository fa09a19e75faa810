// SPDX-License-Identifier: Apache-2.0
// cut-fixture HOST TARGET [DUMP]: cuts a fixture out of a recorded host (a folder with a dump, truth.txt,
// pagemap-*.txt and crash-vtop.txt) with the program's own excerpt. The expected answers (facts.json) come from what
// the host's kernel, QEMU and crash said, never from this program. Run after a build.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { excerpt, openDump, silentLog } from '../dist/index.js';
import { hex, RecordedHost } from './recorded-host.mjs';

const [host, target, dump = 'vmcore'] = process.argv.slice(2);
const PER_VM = 48;
const PRESENT = 1n << 63n;
const SWAPPED = 1n << 62n;
const FRAME = (1n << 55n) - 1n;
const HUGE = 1n << 17n;
const THP = 1n << 22n;

const recorded = new RecordedHost(host);
const facts = (word) => recorded.facts(word);
const out = (value) => `0x${value.toString(16)}`;

/** crash's own blocks, kept for the golden test of the text. */
const blocks = recorded
  .read('crash-vtop.txt')
  .split(/^(?=== )/m)
  .filter((block) => block.startsWith('== '));
const crashGpas = new Map();
for (const block of blocks) {
  const [, vm, gpa] = /^== (\S+) pid \d+ gpa (\S+)/.exec(block);
  crashGpas.set(vm, [...(crashGpas.get(vm) ?? []), hex(gpa)]);
}

/** What pagemap says of a page, as kvm-vtop must answer; as in ../docs/output.md. */
function expected([gpa, hva, entry, flags], byte, protNone, name) {
  const swaps = BigInt(facts('SWAP').length);
  const base = { gpa: out(gpa + byte), hva: out(hva + byte), protNone };
  if (entry & PRESENT) {
    const pageSizes = flags & HUGE ? [2 ** 21, 2 ** 30] : flags & THP ? [4096, 2 ** 21] : [4096];
    return { ...base, state: 'mapped', hpa: out((entry & FRAME) * 4096n + byte), pageSizes };
  }
  if (!(entry & SWAPPED)) return { ...base, state: 'not-present', hpa: null, protNone: false };
  const type = entry & 31n;
  const offset = (entry & FRAME) >> 5n;
  if (type >= swaps) {
    const state = recorded.specialState(name, gpa);
    return { ...base, state, hpa: null, frame: state === 'poisoned' ? out(offset) : null };
  }
  return { ...base, state: 'swapped', hpa: null, swap: { type: Number(type), offset: Number(offset) } };
}

/** Slots of guest_memfd whose pages are all there (GUEST_MEMFD_FLAG_MMAP was given): no page is at its HVA. */
const inMemfd = ({ name }) => /^gmem-(0-1|0-3|own)$/.test(name);

function casesOf(machine, space) {
  const rows = recorded.pages(machine.name, space);
  const wanted = space ? [] : (crashGpas.get(machine.name) ?? []);
  const pages = new Map(rows.map((row) => [row[0], row]));
  const isProtNone = (gpa) => recorded.isProtNone(machine.name, gpa);
  const cases = wanted.map((gpa) => expected(pages.get(gpa & ~0xfffn), gpa & 0xfffn, isProtNone(gpa), machine.name));
  const step = Math.max(1, Math.floor(rows.length / PER_VM));
  rows.forEach((row, i) => {
    const byte = BigInt((i * 2654435761) % 4096);
    const special = !(row[2] & PRESENT) && row[2] & SWAPPED && (row[2] & 31n) >= BigInt(facts('SWAP').length);
    const few = machine.name === 'protnone' || i % 32 === 0;
    if (i % step === 0 || special || (few && isProtNone(row[0])))
      cases.push(expected(row, byte, isProtNone(row[0]), machine.name));
  });
  if (inMemfd(machine))
    return cases.map(({ gpa, hva }) => ({ gpa, hva, hpa: null, state: 'guest-memfd', protNone: false }));
  if (machine.orphan && !space)
    for (const [name, , , gpa, , hva] of facts('SLOT'))
      if (name === machine.name)
        for (let page = 0n; page < 4n; page++)
          cases.push(expected([hex(gpa) + page * 4096n, hex(hva) + page * 4096n, 0n, 0n], 0n, false));
  if (!space && rows.length > 0)
    cases.push({
      gpa: out(rows.at(-1)[0] + 4096n + 0x123456000n),
      hva: null,
      hpa: null,
      state: 'no-memslot',
      protNone: false,
    });
  return cases;
}

const questions = [];
for (const machine of recorded.machines())
  for (const space of [0, 1]) {
    const cases = casesOf(machine, space);
    if (cases.length > 0)
      questions.push({ name: machine.name, process: machine.pid, vm: machine.vm, addressSpace: space, cases });
  }

mkdirSync(target, { recursive: true });
const output = join(target, 'vmcore.kdump');
rmSync(output, { force: true });
const asked = questions.map(({ process, vm, addressSpace, cases }) => ({
  process,
  vm,
  addressSpace,
  addresses: cases.map(({ gpa }) => gpa),
}));
const streams = { log: silentLog, write: async (text) => console.log(text.trim()), input: () => [] };
await excerpt(openDump, { core: [join(host, dump)], output, force: false }, asked, streams);
/** What a program in the guests wrote at the start of each of its pages (its complement stands at the end). */
const guestValues = facts('PAGE').map(([, , , value]) => value);
const [release, levels] = facts('HOST')[0];
writeFileSync(
  join(target, 'facts.json'),
  `${JSON.stringify({ release, levels: Number(levels.split('=')[1]), questions, guestValues }, null, 1)}\n`,
);
if (blocks.length > 0) writeFileSync(join(target, 'crash-vtop.txt'), blocks.join(''));
console.log(`${questions.reduce((sum, { cases }) => sum + cases.length, 0)} addresses`);
