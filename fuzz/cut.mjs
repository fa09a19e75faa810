// SPDX-License-Identifier: Apache-2.0
// node fuzz/cut.mjs DUMP FIXTURE: counts the answers that a truncated copy of a dump still gives. FIXTURE is the folder
// of the excerpt of the same dump: its questions and answers are what the dump's kernel reported.
import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDump } from 'kvm-vtop';
import { readFacts } from '../scripts/facts.mjs';
import { HONEST } from './ask.mjs';

/** @import { Dump, Translator } from 'kvm-vtop' */
/** @import { Case, Question } from '../scripts/facts.mjs' */

const PAGE = 4096n;

const [dump, fixture] = process.argv.slice(2);
if (dump === undefined || fixture === undefined) {
  console.error('usage: node fuzz/cut.mjs DUMP FIXTURE');
  process.exit(2);
}
const { questions } = readFacts(fixture);
const scratch = mkdtempSync(join(tmpdir(), 'kvm-vtop-cut-'));
const { size } = statSync(dump);

/** The outcome for one address. @type {(vm: Translator, asked: Case) => 'right' | 'not answered' | 'wrong'} */
function judge(vm, { gpa, state, hpa }) {
  const byte = BigInt(gpa) % PAGE;
  vm.translate(Number(BigInt(gpa) / PAGE));
  if (HONEST.has(vm.state)) return 'not answered';
  const own = vm.frame === null || vm.state !== 'mapped' ? null : BigInt(vm.frame) * PAGE + byte;
  const right = hpa === null ? null : BigInt(hpa);
  return vm.state === state && own === right ? 'right' : 'wrong';
}

/**
 * Null if the dump, or the VM in it, can't be read.
 *
 * @type {(opened: Dump, question: Question) => Translator | null}
 */
function translatorOf(opened, { process: pid, vm, addressSpace }) {
  try {
    return opened.vm(pid, { vm }).translator(addressSpace);
  } catch {
    return null;
  }
}

/** @type {(path: string) => Promise<{ right: number, 'not answered': number, wrong: number }>} */
async function ask(path) {
  const counts = { right: 0, 'not answered': 0, wrong: 0 };
  for (const question of questions) {
    const opened = await openDump(path).catch(() => null);
    const vm = opened === null ? null : translatorOf(opened, question);
    for (const asked of question.cases) counts[vm === null ? 'not answered' : judge(vm, asked)]++;
    opened?.close();
  }
  return counts;
}

console.log('| cut at | right | not answered | wrong |\n| --- | --- | --- | --- |');
for (const percent of [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 100]) {
  const path = join(scratch, 'cut');
  copyFileSync(dump, path);
  truncateSync(path, Math.floor((size * percent) / 100));
  const { right, 'not answered': open, wrong } = await ask(path);
  console.log(`| ${percent} % | ${right} | ${open} | ${wrong} |`);
}
rmSync(scratch, { recursive: true });
