// SPDX-License-Identifier: Apache-2.0
// Compares the answers of a mutant with those of the undamaged dump.
import { DumpError, UsageError } from '#internal';
import { present } from '../scripts/present.mjs';
import { ask, HONEST, readersOf } from './ask.mjs';
import { PROCESS_TABLES } from './readers.mjs';

/** @import { Address, Readers, Answered } from './ask.mjs' */
/** @import { Base, Mutation } from './mutations.mjs' */

const PAGE = 4096;
const ENTRY_BYTES = 8;

/**
 * The outcome of a mutant. `where`: the changed byte that excuses a wrong answer; `detail`: what is wrong.
 *
 * @typedef {{ outcome: 'refused' | 'right' | 'right or not answered' }
 *   | { outcome: 'internal error', detail: string }
 *   | { outcome: 'WRONG', detail: string }
 *   | { outcome: 'wrong, and a changed byte was read', where: string, detail: string }} Outcome
 */
/**
 * A mutant: its file, and the addresses to translate.
 *
 * @typedef {{ path: string, typesFrom: 'auto' | 'layout', addresses: readonly Address[], base: Base,
 *   mutation: Mutation }} Mutant
 */

/** Has the right answers for a fixture, and what they read. */
export class Judge {
  #right;
  #readers;

  /**
   * @param {Map<Address, Answered>} right
   * @param {Readers} readers
   */
  constructor(right, readers) {
    this.#right = right;
    this.#readers = readers;
  }

  /** @type {(path: string, addresses: readonly Address[]) => Promise<Judge>} */
  static async of(path, addresses) {
    const answers = await ask(path, 'layout', addresses);
    const right = new Map(
      addresses.map((address, i) => [address, present(answers[i], 'an answer of the undamaged dump')]),
    );
    return new Judge(right, await readersOf(path, addresses));
  }

  /**
   * The page-table entries that the right answers walk.
   *
   * @type {(addresses: readonly Address[]) => number[]}
   */
  entriesOf(addresses) {
    return addresses.flatMap((address) => this.#rightFor(address).entries);
  }

  /** @type {(mutant: Mutant) => Promise<Outcome>} */
  async judge(mutant) {
    const { path, typesFrom, addresses } = mutant;
    try {
      return this.#judge(mutant, await ask(path, typesFrom, addresses));
    } catch (error) {
      if (error instanceof DumpError || error instanceof UsageError) return { outcome: 'refused' };
      return {
        outcome: 'internal error',
        detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
      };
    }
  }

  /** @type {(mutant: Mutant, answers: readonly Answered[]) => Outcome} */
  #judge({ addresses, base, mutation }, answers) {
    const pairs = addresses.map((address, i) => ({
      address,
      answer: present(answers[i], 'an answer'),
      right: this.#rightFor(address),
    }));
    const others = pairs.filter(({ answer, right }) => answer.facts !== right.facts);
    const wrong = others.find(({ answer }) => !HONEST.has(answer.state));
    if (wrong === undefined) return { outcome: others.length === 0 ? 'right' : 'right or not answered' };
    const { address, answer, right } = wrong;
    const detail = `${address.name} ${address.gpa.toString(16)}: ${answer.facts}, right is ${right.facts}`;
    const where = mutation.structural ? null : this.#excuse(mutation, base, answer.entries);
    return where === null
      ? { outcome: 'WRONG', detail }
      : { outcome: 'wrong, and a changed byte was read', where, detail };
  }

  /** @type {(address: Address) => Answered} */
  #rightFor(address) {
    return present(this.#right.get(address), 'the right answer');
  }

  /**
   * The kind of the changed byte that an answer read; null if it read none.
   *
   * @type {(mutation: Mutation, base: Base, walked: readonly number[]) => string | null}
   */
  #excuse({ changes }, base, walked) {
    // A compressed page that decompresses to another one counts as changed in every byte.
    if (!base.plain) return 'a page that unpacks';
    const addresses = changes.flatMap(([at, bytes]) =>
      [...bytes].flatMap((byte, i) => (byte === base.file[at + i] ? [] : [addressOf(base, at + i)])),
    );
    const isWalked = addresses.some((address) =>
      walked.some((entry) => address >= entry && address < entry + ENTRY_BYTES),
    );
    if (isWalked) return 'an entry of a page table that the answer walked';
    // Of the process's page tables only entries that were walked count; which entries of the kernel's page tables are
    // read is not known.
    const readers = addresses
      .flatMap((address) => [...(this.#readers.get(Math.floor(address / PAGE)) ?? [])])
      .filter((reader) => reader !== PROCESS_TABLES);
    return readers.length === 0 ? null : [...new Set(readers)].sort().join(' and ');
  }
}

/**
 * The physical address of a byte of a file whose pages are uncompressed.
 *
 * @type {(base: Base, offset: number) => number}
 */
function addressOf({ frames, regions }, offset) {
  const inside = offset - regions.pages[0];
  return present(frames[Math.floor(inside / PAGE)], `the frame at offset ${offset}`) * PAGE + (inside % PAGE);
}
