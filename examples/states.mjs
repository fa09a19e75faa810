// SPDX-License-Identifier: Apache-2.0
// node states.mjs DUMP PROCESS: counts the states of all pages of a VM.
import { openDump, silentLog } from 'kvm-vtop';

const PAGE = 4096;
/** Warnings say what the result depends on. @param {string} text */
const warn = (text) => {
  console.error(text);
};

const [path = '', name = ''] = process.argv.slice(2);
const dump = await openDump(path, { log: { ...silentLog, warn } });
const vm = dump.vm(name);
// One object is reused for all pages: there may be millions.
const translator = vm.translator();
/** @type {Map<string, number>} */
const counts = new Map();
for (const { gpa, size } of vm.slots()) {
  const first = Number(gpa) / PAGE;
  for (let frame = first; frame < first + size / PAGE; frame++) {
    const state = translator.translate(frame);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
}
for (const [state, pages] of [...counts].sort(([, a], [, b]) => b - a)) console.log(`${state}: ${pages}`);
dump.close();
