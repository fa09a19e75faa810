// SPDX-License-Identifier: Apache-2.0
// Where a guest's bytes are in the host, in the undamaged dump, and which entries lead to them in a mutant.
import { rowsOf } from './ask-commands.mjs';

/** @import { Answers, Question, Row } from './ask-commands.mjs' */

const PAGE = 4096n;

/** The options of a question that choose the VM and the guest's page tables. @type {(question: Question) => Record<string, unknown>} */
export function tablesOf({ given }) {
  const { process, gva = false, vcpu = null, gtask = null } = given;
  return { process, gva, vcpu, gtask };
}

/**
 * The answer to an address of the kind that a question asks about: guest physical, guest virtual, or of the process.
 *
 * @type {(answers: Answers, question: Question, address: bigint) => Promise<Row | null>}
 */
export async function answerTo(answers, question, address) {
  const place = question.given.hva === true ? gpaOf(question, address) : address;
  if (place === null) return null;
  const words = [`0x${place.toString(16)}`];
  const { text } = await answers.ask({ name: 'vtop', given: tablesOf(question), words });
  return rowsOf(text)[0] ?? null;
}

/** The guest physical address of one of the process's memory that was asked about; null for another. @type {(question: Question, hva: bigint) => bigint | null} */
function gpaOf({ words = [], gpas = [] }, hva) {
  const index = words.findIndex((word) => hva / PAGE === addressIn(word) / PAGE);
  const gpa = gpas[index];
  return gpa === undefined ? null : BigInt(gpa) + (hva % PAGE);
}

/** The first address of a word. @type {(word: string) => bigint} */
export const addressIn = (word) => BigInt(`0x${(word.split(/[-+]/)[0] ?? '').replace(/^0x/, '')}`);

/** The physical address of a byte of the host that has the byte at an address; null if it is not mapped. @type {(answers: Answers, question: Question, address: bigint) => Promise<bigint | null>} */
export async function placeOf(answers, question, address) {
  const row = await answerTo(answers, question, address);
  return typeof row?.hpa === 'string' ? BigInt(row.hpa) : null;
}

/**
 * The answer to a virtual address of a process of the guest, in the guest.
 *
 * @type {(answers: Answers, question: Question, address: bigint) => Promise<Row | null>}
 */
async function answerInside(answers, { given: { process }, inside }, address) {
  const words = [`0x${address.toString(16)}`];
  const { text } = await answers.ask({
    name: 'hva',
    given: { process },
    words,
    ...(inside !== undefined && { inside }),
  });
  return rowsOf(text)[0] ?? null;
}

/**
 * Physical addresses of the entries that an address is translated by: of the process's page tables, and with --gva or in the guest of
 * the guest's tables, and of those that lead to each of these.
 *
 * @type {(answers: Answers, question: Question, address: bigint) => Promise<{ host: number[], guest: number[] }>}
 */
export async function entriesTo(answers, question, address) {
  const isInside = question.inside !== undefined;
  const row = await (isInside ? answerInside : answerTo)(answers, question, address);
  const host = isInside ? [] : stepsOf(row);
  const inGuest = isInside
    ? /** @type {{ address: string }[]} */ (row?.walk ?? []).map((step) => step.address)
    : /** @type {{ gpa: string }[]} */ (row?.guestWalk ?? []).map((step) => step.gpa);
  /** @type {number[]} */
  const guest = [];
  for (const gpa of inGuest) {
    const physical = await gpaAnswer(answers, question, gpa);
    host.push(...stepsOf(physical));
    if (typeof physical?.hpa === 'string') guest.push(Number(physical.hpa));
  }
  // The table in which the walk ended is missing.
  const missing = /guest physical address (0x[0-9a-f]+):/.exec(String(row?.message))?.[1];
  if (missing !== undefined) host.push(...stepsOf(await gpaAnswer(answers, question, missing)));
  return { host, guest };
}

/** The answer to a guest physical address. @type {(answers: Answers, question: Question, gpa: string) => Promise<Row | null>} */
export async function gpaAnswer(answers, { given: { process }, inside }, gpa) {
  const { text } = await answers.ask({ name: 'vtop', given: { process: inside ?? process }, words: [gpa] });
  return rowsOf(text)[0] ?? null;
}

/** @type {(row: Row | null) => number[]} */
const stepsOf = (row) => /** @type {{ address: string }[]} */ (row?.walk ?? []).map(({ address }) => Number(address));

/**
 * The frames that have a guest's memory, with the numbers of the guest's pages.
 *
 * @type {(answers: Answers, process: string) => Promise<Map<number, number>>}
 */
export async function framesOfGuest(answers, process) {
  const { text } = await answers.ask({ name: 'map', given: { process } });
  /** @type {Map<number, number>} */
  const frames = new Map();
  for (const { record, gpa, hpa, size } of rowsOf(text)) {
    if (record !== 'run' || typeof hpa !== 'string') continue;
    const first = Number(BigInt(hpa) / PAGE);
    const page = Number(BigInt(String(gpa)) / PAGE);
    for (let i = 0; i < Number(size) / 4096; i++) frames.set(first + i, page + i);
  }
  return frames;
}
