// SPDX-License-Identifier: Apache-2.0
// The questions about a guest's memory, and about logs, that the mutants of a fixture are asked.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '../scripts/json.mjs';
import { present } from '../scripts/present.mjs';
import { rowsOf } from './ask-commands.mjs';

/** @import { Answers, Question } from './ask-commands.mjs' */

/** Pages that one question reads. */
const PAGES = 8;

/**
 * What is known of a guest: pages that a process of it wrote, and the vCPU that was using its page tables, or its pid in the guest
 * if the fixture has the guest's kernel.
 *
 * @typedef {{ name: string, vcpu?: number, gtask?: number, pages: { gva: string, gpa: string, value: string }[] }} GuestFacts
 */

/** The facts of a fixture; null if it is one of a host's log. @type {(folder: string) => GuestFacts | null} */
export function guestFacts(folder) {
  const path = join(folder, 'guest.json');
  return existsSync(path) ? /** @type {GuestFacts} */ (parseJson(readFileSync(path, 'utf8'))) : null;
}

/** The questions of a fixture with guest.json, or with a log. @type {(facts: GuestFacts | null) => (answers: Answers) => Promise<Question[]>} */
export const guestQuestions = (facts) => async (answers) => {
  if (facts === null)
    return [
      { name: 'log', given: {} },
      { name: 'log', given: { panic: true } },
    ];
  const { text } = await answers.ask({ name: 'vms', given: {} });
  const process = String(present(rowsOf(text).find(({ name }) => name === facts.name)?.pid, facts.name));
  return facts.gtask === undefined ? ofMemory(facts, process, answers) : ofKernel(facts, process);
};

/** @type {(facts: GuestFacts, process: string, answers: Answers) => Promise<Question[]>} */
async function ofMemory({ vcpu, pages }, process, answers) {
  const given = { process };
  const virtual = { ...given, gva: true, vcpu };
  const groups = Array.from({ length: Math.ceil(pages.length / PAGES) }, (_, i) =>
    pages.slice(i * PAGES, (i + 1) * PAGES),
  );
  /** @type {Question[]} */
  const questions = [];
  for (const group of groups) {
    const gpas = group.map(({ gpa }) => gpa);
    const gvas = group.map(({ gva }) => gva);
    const before = present(gpas[0], 'a page');
    const ranges = [`${(BigInt(before) - 4096n).toString(16)}+1000`, ...gpas.map((gpa) => `${gpa}+1000`)];
    const places = rowsOf((await answers.ask({ name: 'vtop', given, words: gpas })).text);
    const hvas = places.map(({ hva }) => `${String(hva)}+1000`);
    const [first, last] = [present(group[0], 'a page').value, present(group.at(-1), 'a page').value];
    questions.push(
      { name: 'read', given, words: ranges },
      { name: 'read', given: { ...given, hva: true }, words: hvas, gpas },
      { name: 'read', given: virtual, words: gvas.map((gva) => `${gva}+1000`) },
      { name: 'vtop', given: virtual, words: gvas },
      { name: 'npt', given, words: gpas },
      { name: 'search', given: { ...given, hex: bytesOf(first) }, words: ranges },
      { name: 'search', given: { ...virtual, hex: bytesOf(last) }, words: gvas.map((gva) => `${gva}+1000`) },
      { name: 'search', given: { ...given, hva: true, regex: '[a-z]{4}' }, words: hvas, gpas },
    );
  }
  questions.push(
    { name: 'npt', given },
    { name: 'search', given: { ...given, hex: bytesOf(present(pages[0], 'a page').value) }, isLarge: true },
    { name: 'extract', given, isLarge: true },
  );
  return questions;
}

/** @type {(facts: GuestFacts, process: string) => Question[]} */
function ofKernel({ gtask, pages }, process) {
  const task = { process, gva: true, gtask: String(gtask) };
  const gvas = pages.map(({ gva }) => gva);
  return [
    { name: 'log', given: { process } },
    { name: 'vtop', given: task, words: gvas },
    { name: 'read', given: { ...task, bytes: 4096 }, words: gvas },
    { name: 'hva', given: { process: String(gtask) }, words: gvas, inside: process },
    { name: 'log', given: {}, inside: process },
    { name: 'vms', given: {}, inside: process },
    { name: 'extract', given: { process }, isLarge: true },
  ];
}

/** The bytes of a 32-bit value in memory. @type {(value: string) => Uint8Array} */
function bytesOf(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(Number(value));
  return bytes;
}
