// SPDX-License-Identifier: Apache-2.0
// node fuzz/cut.mjs DUMP FIXTURE: how much of a dump that was cut off is still answered. FIXTURE is the folder that was
// cut out of the same dump: its questions and answers are what the dump's kernel said.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gfn, openDump, Road, selectVm } from '../dist/index.js';

const [dump, fixture] = process.argv.slice(2);
const { questions } = JSON.parse(readFileSync(join(fixture, 'facts.json'), 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'kvm-vtop-cut-'));
const { size } = statSync(dump);

async function ask(path) {
  const counts = { right: 0, 'not told': 0, wrong: 0 };
  for (const { process: pid, vm, addressSpace, cases } of questions) {
    let opened = null;
    let road = null;
    try {
      opened = await openDump(path);
      road = new Road(opened.host, selectVm(opened.host, pid, vm).vm, addressSpace);
    } catch {
      counts['not told'] += cases.length;
    }
    for (const { gpa, state, hpa } of road === null ? [] : cases) {
      road.translate(gfn(Number(BigInt(gpa) / 4096n)), Number(BigInt(gpa) % 4096n));
      const own = road.state === 'mapped' ? BigInt(road.frame) * 4096n + (BigInt(gpa) % 4096n) : null;
      const told = !['table-missing', 'damaged', 'slots-missing'].includes(road.state);
      const right = road.state === state && (own === null ? hpa === null : own === BigInt(hpa));
      counts[!told ? 'not told' : right ? 'right' : 'wrong']++;
    }
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
