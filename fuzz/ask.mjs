// SPDX-License-Identifier: Apache-2.0
// Translates addresses of a fixture's VMs in a dump.
import { GuestTranslator, gfn, openDump, selectVm, silentLog } from '#internal';
import { ReaderLog, watching } from './readers.mjs';

/** @import { Question } from '../scripts/facts.mjs' */

/** An address of a question. @typedef {Omit<Question, 'cases'> & { gpa: bigint }} Address */
/**
 * `facts`: an answer without its message. `entries`: the physical addresses of the page-table entries that were walked.
 *
 * @typedef {{ facts: string, state: string, entries: number[] }} Answered
 */

const PAGE = 4096n;
/** States in which nothing is claimed about the address. @type {ReadonlySet<string>} */
export const HONEST = new Set(['table-missing', 'damaged', 'slots-missing']);

/** @type {(translator: GuestTranslator) => string} */
function factsOf({ state, frame, pageSize, protNone, page, slot, swap }) {
  const place = swap === null ? null : [swap.type, swap.offset];
  return JSON.stringify([state, frame, pageSize, protNone, page, slot === null ? null : [slot.id, slot.first], place]);
}

/**
 * The answers to some addresses. Throws what the library throws.
 *
 * @param {string} path
 * @param {'auto' | 'layout'} typesFrom
 * @param {readonly Address[]} addresses
 * @param {(frame: number) => void} onFrame is called before each frame that is read
 */
export async function ask(path, typesFrom, addresses, onFrame = () => undefined) {
  const options = { beside: { typesFrom }, watch: watching(onFrame), log: silentLog };
  const { host, close } = await openDump(path, options);
  try {
    /** @type {Map<string, GuestTranslator>} */
    const translators = new Map();
    return addresses.map(({ name, process, vm, addressSpace, gpa }) => {
      const key = `${name} ${addressSpace}`;
      const translator = translators.get(key) ?? new GuestTranslator(selectVm(host, process, vm).vm, addressSpace);
      translators.set(key, translator);
      translator.translate(gfn(Number(gpa / PAGE)), Number(gpa % PAGE));
      const { state, steps } = translator;
      return { facts: factsOf(translator), state, entries: steps.map(({ address }) => address) };
    });
  } finally {
    close();
  }
}

/**
 * The readers of each frame that is read for these addresses.
 *
 * @param {string} path
 * @param {readonly Address[]} addresses
 */
export async function readersOf(path, addresses) {
  const { readers, onFrame } = new ReaderLog();
  await ask(path, 'layout', addresses, onFrame);
  return readers;
}
