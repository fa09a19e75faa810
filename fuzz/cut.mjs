// SPDX-License-Identifier: Apache-2.0
// node fuzz/cut.mjs DUMP FIXTURE: how much of a dump that was cut off is still answered. FIXTURE is the folder that was
// cut out of the same dump: its questions and answers are what the dump's kernel reported.
import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuestTranslator, gfn, openDump, selectVm } from 'kvm-vtop';
import { readFacts } from '../scripts/facts.mjs';
import { HONEST } from './ask.mjs';

/** @import { OpenDump } from 'kvm-vtop' */
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

/** What became of one address. @type {(translator: GuestTranslator, asked: Case) => 'right' | 'not told' | 'wrong'} */
function judge(translator, { gpa, state, hpa }) {
  const byte = BigInt(gpa) % PAGE;
  translator.translate(gfn(Number(BigInt(gpa) / PAGE)), Number(byte));
  if (HONEST.has(translator.state)) return 'not told';
  const own =
    translator.frame === null || translator.state !== 'mapped' ? null : BigInt(translator.frame) * PAGE + byte;
  const right = hpa === null ? null : BigInt(hpa);
  return translator.state === state && own === right ? 'right' : 'wrong';
}

/**
 * Null where the dump, or the VM in it, can't be read.
 *
 * @type {(opened: OpenDump, question: Question) => GuestTranslator | null}
 */
function translatorOf({ host }, { process: pid, vm, addressSpace }) {
  try {
    return new GuestTranslator(selectVm(host, pid, vm).vm, addressSpace);
  } catch {
    return null;
  }
}

/** @type {(path: string) => Promise<{ right: number, 'not told': number, wrong: number }>} */
async function ask(path) {
  const counts = { right: 0, 'not told': 0, wrong: 0 };
  for (const question of questions) {
    const opened = await openDump(path).catch(() => null);
    const translator = opened === null ? null : translatorOf(opened, question);
    for (const asked of question.cases) counts[translator === null ? 'not told' : judge(translator, asked)]++;
    opened?.close();
  }
  return counts;
}

console.log('| cut at | right | not told | wrong |\n| --- | --- | --- | --- |');
for (const percent of [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 100]) {
  const path = join(scratch, 'cut');
  copyFileSync(dump, path);
  truncateSync(path, Math.floor((size * percent) / 100));
  const { right, 'not told': open, wrong } = await ask(path);
  console.log(`| ${percent} % | ${right} | ${open} | ${wrong} |`);
}
rmSync(scratch, { recursive: true });
