// SPDX-License-Identifier: Apache-2.0
// Compares the answers of a mutant with those of the undamaged dump.
import { readFacts } from '../scripts/facts.mjs';
import { present } from '../scripts/present.mjs';
import { ask, HONEST, readersOf } from './ask.mjs';
import { excuse } from './changed.mjs';
import { outcomeOf } from './outcome.mjs';

/** @import { Address, Answered } from './ask.mjs' */
/** @import { Base, Mutation } from './mutations.mjs' */
/** @import { Outcome } from './outcome.mjs' */
/** @import { Dice } from './random.mjs' */
/** @import { Readers } from './readers.mjs' */

/** Addresses that each mutant is asked for. */
const PER_MUTANT = 6;

/**
 * A mutant: its file, and what it is asked.
 *
 * @template Asked
 * @typedef {{ path: string, form: string, typesFrom: 'auto' | 'layout', asked: Asked, base: Base, mutation: Mutation }} Mutant
 */
/**
 * Asks mutants of a fixture, and judges the answers. `entriesOf`: physical addresses of words of memory that the right answers
 * read, of which half of the changes of memory hit one.
 *
 * @template Asked
 * @typedef {object} Subject
 * @property {(dice: Dice) => Asked} pick
 * @property {(asked: Asked, dice: Dice) => readonly number[]} entriesOf
 * @property {(mutant: Mutant<Asked>) => Promise<Outcome>} judge
 */

/** Translates addresses (a Subject). Has the right answers for a fixture, and what they read. */
export class Translations {
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

  /** For the addresses of a fixture's facts. @type {(folder: string, path: string) => Promise<Translations>} */
  static async of(folder, path) {
    const addresses = readFacts(folder).questions.flatMap(({ cases, ...question }) =>
      cases.map(({ gpa }) => ({ ...question, gpa: BigInt(gpa) })),
    );
    const answers = await ask(path, 'layout', addresses);
    const right = new Map(
      addresses.map((address, i) => [address, present(answers[i], 'an answer of the undamaged dump')]),
    );
    return new Translations(right, await readersOf(path, addresses));
  }

  /** Some addresses, by VM. @type {(dice: Dice) => Address[]} */
  pick(dice) {
    const all = [...this.#right.keys()];
    return Array.from({ length: PER_MUTANT }, () => dice.pick(all)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * The page-table entries that the right answers walk.
   *
   * @type {(addresses: readonly Address[]) => number[]}
   */
  entriesOf(addresses) {
    return addresses.flatMap((address) => this.#rightFor(address).entries);
  }

  /** @type {(mutant: Mutant<readonly Address[]>) => Promise<Outcome>} */
  async judge(mutant) {
    const { path, typesFrom, asked } = mutant;
    try {
      return this.#judge(mutant, await ask(path, typesFrom, asked));
    } catch (error) {
      return outcomeOf(error);
    }
  }

  /** @type {(mutant: Mutant<readonly Address[]>, answers: readonly Answered[]) => Outcome} */
  #judge({ asked: addresses, base, mutation }, answers) {
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
    const where = excuse(mutation, base, answer.entries, [this.#readers]);
    return where === null
      ? { outcome: 'WRONG', detail }
      : { outcome: 'wrong, and a changed byte was read', where, detail };
  }

  /** @type {(address: Address) => Answered} */
  #rightFor(address) {
    return present(this.#right.get(address), 'the right answer');
  }
}
