// SPDX-License-Identifier: Apache-2.0
// cut-fixture HOST TARGET [DUMP]: cuts a fixture out of a recorded host (a folder with a dump, truth.txt,
// pagemap-*.txt and crash-vtop.txt) with the program's own excerpt. The expected answers (facts.json) are what the
// host's kernel, QEMU and crash reported, never what this program says. Run it after a build.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { excerpt, openDump, silentLog } from '#internal';
import { ExpectedAnswers } from './expected.mjs';
import { hex, RecordedHost } from './recorded-host.mjs';

/** @import { Streams } from '#internal' */
/** @import { Facts, Question } from './facts.mjs' */

const [host, target, dump = 'vmcore'] = process.argv.slice(2);
if (host === undefined || target === undefined) {
  console.error('usage: cut-fixture HOST TARGET [DUMP]');
  process.exit(2);
}
const recorded = new RecordedHost(host);

/** The blocks that crash printed, for the golden test of the text. */
const blocks = recorded
  .read('crash-vtop.txt')
  .split(/^(?=== )/m)
  .filter((block) => block.startsWith('== '));
/** The addresses that were passed to crash, by VM. @type {Map<string, bigint[]>} */
const crashGpas = new Map();
for (const block of blocks) {
  const [, vm, gpa] = /^== (\S+) pid \d+ gpa (\S+)/.exec(block) ?? [];
  if (vm === undefined || gpa === undefined)
    throw new Error(`crash-vtop.txt: not the header of a block: ${block.slice(0, 80)}`);
  crashGpas.set(vm, [...(crashGpas.get(vm) ?? []), hex(gpa)]);
}

/** @type {Question[]} */
const questions = recorded.machines().flatMap((machine) => {
  const { name, pid, vm } = machine;
  const answers = new ExpectedAnswers(recorded, machine);
  return [0, 1].flatMap((addressSpace) => {
    const cases = answers.cases(addressSpace, addressSpace === 0 ? (crashGpas.get(name) ?? []) : []);
    return cases.length > 0 ? [{ name, process: pid, vm, addressSpace, cases }] : [];
  });
});

mkdirSync(target, { recursive: true });
const output = join(target, 'vmcore.kdump');
rmSync(output, { force: true });
const asked = questions.map(({ process, vm, addressSpace, cases }) => ({
  process,
  vm,
  addressSpace,
  addresses: cases.map(({ gpa }) => gpa),
}));
/** @type {Streams} */
const streams = {
  log: silentLog,
  write(piece) {
    process.stdout.write(piece);
    return Promise.resolve();
  },
  input() {
    throw new Error('no address comes from standard input');
  },
};
await excerpt(openDump, { core: [join(host, dump)], output, force: false }, asked, streams);
const { release, levels } = recorded.host();
/** @type {Facts} */
const facts = {
  release,
  levels: Number(levels.replace(/^levels=/, '')),
  questions,
  guestValues: recorded.facts('PAGE').map(({ value }) => value),
};
writeFileSync(join(target, 'facts.json'), `${JSON.stringify(facts, null, 1)}\n`);
if (blocks.length > 0)
  writeFileSync(join(target, 'crash-vtop.txt.gz'), gzipSync(Buffer.from(blocks.join(''), 'latin1'), { level: 9 }));
console.log(`${questions.reduce((sum, { cases }) => sum + cases.length, 0)} addresses`);
