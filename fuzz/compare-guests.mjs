// SPDX-License-Identifier: Apache-2.0
// Compares translations through a guest's tables, and through KVM's, with the right ones.

import { HONEST } from './ask.mjs';
import { rowsOf } from './ask-commands.mjs';
import { gpaAnswer } from './guest-truth.mjs';

/** @import { Answers, Question, Row, Said } from './ask-commands.mjs' */
/** @import { WrongMemory } from './compare-bytes.mjs' */

/** What the host says of a guest physical address, whatever the guest's memory says. */
const OF_HOST = ['hva', 'hpa', 'state', 'reason', 'pageSize', 'protNone', 'frame', 'swap'];
const OF_TABLES = ['hpa', 'level'];
const NUMBERS = ['mapped', 'agreeing', 'disagreeing'];

const text = (/** @type {unknown} */ value) => JSON.stringify(value);

/**
 * What is wrong with addresses translated by the guest's page tables (vtop --gva), or by those of a process of the guest (hva in the
 * guest). `truth` answers from the undamaged dump.
 *
 * @type {(question: Question, said: Said, right: Said, truth: Answers) => Promise<WrongMemory | null>}
 */
export async function wrongVirtual(question, said, right, truth) {
  const wanted = new Map(rowsOf(right.text).map((row) => [row.gva ?? row.hva, row]));
  const isInside = question.name === 'hva';
  for (const row of rowsOf(said.text)) {
    const address = row.gva ?? row.hva;
    const want = wanted.get(address);
    wanted.delete(address);
    if (want === undefined) return wrong(row, 'there is no such row', 'guest');
    const [gpa, is] = isInside ? [row.hpa, want.hpa] : [row.gpa, want.gpa];
    if (!isInside && typeof gpa === 'string') {
      const fault = wrongHost(row, gpa === is ? want : await gpaAnswer(truth, question, gpa));
      if (fault !== null) return wrong(row, fault, 'host');
    }
    if (gpa === is && (gpa !== null || row.state === want.state)) continue;
    if (gpa === null && said.status !== 0 && HONEST.has(String(row.state))) continue;
    return wrong(row, `the guest physical address is ${text(gpa)}, right is ${text(is)}`, 'guest');
  }
  const [missing] = wanted.values();
  return missing !== undefined && said.status === 0 ? wrong(missing, 'this row is missing', 'guest') : null;
}

/** @type {(row: Row, want: Row | null) => string | null} */
function wrongHost(row, want) {
  if (want === null) return 'the host has no answer to this guest physical address';
  if (HONEST.has(String(row.state))) return null;
  const other = OF_HOST.find((member) => text(row[member]) !== text(want[member]));
  return other === undefined ? null : `${other} is ${text(row[other])}, right is ${text(want[other])}`;
}

/**
 * What is wrong with pages by KVM's tables, with what the memslots say of them, or with the sums.
 *
 * @type {(said: Said, right: Said, question: Question, truth: Answers) => Promise<WrongMemory | null>}
 */
export async function wrongNpt(said, right, question, truth) {
  const wanted = new Map(rowsOf(right.text).map((row) => [row.gpa, row]));
  for (const row of rowsOf(said.text)) {
    const want = wanted.get(row.gpa);
    if (row.record === 'total') {
      const other = NUMBERS.find((name) => row[name] !== want?.[name]);
      if (other === undefined || (row.complete === false && Number(row.mapped) <= Number(want?.mapped))) continue;
      return wrong(row, `${other} is ${text(row[other])}, right is ${text(want?.[other])}`, 'guest');
    }
    const host = want === undefined ? await gpaAnswer(truth, question, String(row.gpa)) : null;
    const through = want?.throughHva ?? host?.hpa;
    if (row.throughHva !== null && row.throughHva !== through)
      return wrong(row, `throughHva is ${text(row.throughHva)}, right is ${text(through)}`, 'host');
    if (row.throughHva === null && !HONEST.has(String(row.state)) && row.state !== (want ?? host)?.state)
      return wrong(row, `state is ${text(row.state)}`, 'host');
    if (want === undefined) {
      // A page that does not agree, of which the undamaged dump only says that all agree.
      if (row.hpa !== host?.hpa && row.agrees === false) return wrong(row, 'KVM maps another page', 'guest');
      continue;
    }
    const other = OF_TABLES.find((name) => row[name] !== want[name]);
    const isLost = row.hpa === null && /** @type {unknown[]} */ (row.problems).length > 0;
    if (other !== undefined && !isLost)
      return wrong(row, `${other} is ${text(row[other])}, right is ${text(want[other])}`, 'guest');
  }
  return null;
}

/** @type {(row: Row, what: string, part: WrongMemory['part']) => WrongMemory} */
function wrong(row, what, part) {
  const address = row.gva ?? row.hva ?? row.gpa ?? null;
  const place = row.record === 'npt' ? row.gpa : address;
  return {
    detail: `${what}: ${text(row).slice(0, 400)}`,
    address: typeof place === 'string' ? BigInt(place) : null,
    part,
  };
}
