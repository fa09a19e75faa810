// SPDX-License-Identifier: Apache-2.0
// Compares what commands say of a mutant with what they say of the undamaged dump.
import { present } from '../scripts/present.mjs';
import { Answers, know, rowsOf } from './ask-commands.mjs';
import { excuse } from './changed.mjs';
import { wrongRow, wrongRun, wrongTotal } from './compare-rows.mjs';
import { outcomeOf } from './outcome.mjs';
import { entriesOf, wordsOf } from './questions.mjs';

/** @import { Known, Question, Row, Said } from './ask-commands.mjs' */
/** @import { Wrong } from './compare-rows.mjs' */
/** @import { Mutant } from './judge.mjs' */
/** @import { Mutation } from './mutations.mjs' */
/** @import { Outcome } from './outcome.mjs' */
/** @import { Dice } from './random.mjs' */

const PAGE = 4096;

/** Runs commands (a Subject). Has what they say of a fixture, and what they read. */
export class Commands {
  #one;
  #known;
  /** What the undamaged dump says, by form: the reasons why pages are missing differ. */
  #right;
  #maps;
  #lists;
  /** Addresses of the entries that maps read. @type {Map<Question, number[]>} */
  #entries;
  /** Addresses of words that are not 0, in frames by reader. @type {number[][]} */
  #words;

  /**
   * @param {Known} known
   * @param {Map<string, Map<Question, Said>>} right
   * @param {Map<Question, number[]>} entries
   * @param {number[][]} words
   * @param {boolean} one whether each mutant is asked one command
   */
  constructor(known, right, entries, words, one) {
    this.#one = one;
    this.#known = known;
    this.#right = right;
    this.#entries = entries;
    this.#words = words;
    const all = [...known.right.keys()];
    this.#maps = all.filter(({ name }) => name === 'map');
    this.#lists = all.filter(({ name }) => name !== 'map');
  }

  /**
   * For the VMs of a fixture, whose undamaged dump is in `files`, by form. `pageOf` gives the bytes of a frame. `one`: each
   * mutant is asked one command, not all.
   *
   * @type {(files: Map<string, string>, pageOf: (frame: number) => Buffer | null, one: boolean, questions: (answers: Answers) => Promise<readonly Question[]>) => Promise<Commands>}
   */
  static async of(files, pageOf, one, questions) {
    const path = present(files.get('kdump'), 'kdump');
    const known = await know(path, questions);
    /** @type {Map<string, Map<Question, Said>>} */
    const right = new Map();
    for (const [form, file] of files) {
      // The forms of kdump give the same reasons.
      const isKdump = form.endsWith('kdump');
      right.set(form, isKdump ? known.right : await askAll(file, [...known.right.keys()]));
    }
    const answers = await Answers.open(path, 'layout');
    /** @type {Map<Question, number[]>} */
    const entries = new Map();
    for (const [question, said] of known.right)
      if (question.name === 'map') entries.set(question, entriesOf(answers, question, rowsOf(said.text)));
    answers.close();
    return new Commands(known, right, entries, wordsOf(known, pageOf), one);
  }

  /** Each command once, `map` for one VM; or one of these. @type {(dice: Dice) => Question[]} */
  pick(dice) {
    const names = [...new Set(this.#lists.map(({ name }) => name))];
    const lists = names.map((name) => dice.pick(this.#lists.filter((each) => each.name === name)));
    const all = this.#maps.length === 0 ? lists : [...lists, dice.pick(this.#maps)];
    return this.#one ? [dice.pick(all)] : all;
  }

  /** Entries of the page tables that `map` reads, or words of one kind of structure. @type {(asked: readonly Question[], dice: Dice) => readonly number[]} */
  entriesOf(asked, dice) {
    const last = present(asked.at(-1), 'a question');
    const entries = this.#entries.get(last) ?? [];
    return entries.length > 0 && dice.below(2) === 0 ? entries : dice.pick(this.#words);
  }

  /** @type {(mutant: Mutant<readonly Question[]>) => Promise<Outcome>} */
  async judge(mutant) {
    const { path, typesFrom, asked } = mutant;
    /** @type {Answers | null} */
    let answers = null;
    try {
      answers = await Answers.open(path, typesFrom);
      /** @type {Outcome[]} */
      const outcomes = [];
      for (const question of asked) outcomes.push(this.#judge(mutant, question, await answers.ask(question), answers));
      return worst(outcomes);
    } catch (error) {
      return outcomeOf(error);
    } finally {
      answers?.close();
    }
  }

  /** @type {(mutant: Mutant<readonly Question[]>, question: Question, said: Said, answers: Answers) => Outcome} */
  #judge({ form, mutation, base }, question, said, answers) {
    const right = present(this.#right.get(form)?.get(question), 'what the undamaged dump says');
    if (said.status === right.status && said.text === right.text) return { outcome: 'right' };
    if (said.status === 2 && said.text === '') return { outcome: 'refused' };
    const rows = rowsOf(said.text);
    const wrong = compare(question, said, rows, right, mutation);
    if (wrong === null) return { outcome: said.status === 0 ? 'right' : 'right or not answered' };
    const { name, given, words = [] } = question;
    const detail = `${name} ${JSON.stringify(given)} ${words.join(' ')}, status ${said.status}: ${wrong.detail}`;
    const walked = wrong.gpa === null ? [] : walkedFor(answers, question, wrong.gpa);
    const readers = present(this.#known.readers.get(question), 'the readers');
    const where = excuse(mutation, base, walked, [this.#known.opening, readers]);
    return where === null
      ? { outcome: 'WRONG', detail }
      : { outcome: 'wrong, and a changed byte was read', where, detail };
  }
}

/** @type {(question: Question, said: Said, rows: readonly Row[], right: Said, mutation: Mutation) => Wrong | null} */
function compare({ name }, { status, error }, rows, right, { structural }) {
  const wanted = rowsOf(right.text);
  const isWhole = status === 0;
  if (name !== 'map') return wrongRow(rows, wanted, { isWhole, isSame: structural && isWhole });
  // An error after the first rows leaves out the total.
  return wrongRun(rows, wanted, isWhole) ?? (error === null ? wrongTotal(rows) : null);
}

/** @type {(answers: Answers, question: Question, gpa: number) => readonly number[]} */
function walkedFor(answers, { given }, gpa) {
  try {
    return answers.entriesOf(given, [gpa / PAGE]).flat();
  } catch {
    return [];
  }
}

/** What an undamaged dump says. @type {(path: string, questions: readonly Question[]) => Promise<Map<Question, Said>>} */
async function askAll(path, questions) {
  const answers = await Answers.open(path, 'layout');
  /** @type {Map<Question, Said>} */
  const said = new Map();
  for (const question of questions) said.set(question, await answers.ask(question));
  answers.close();
  return said;
}

/** The outcomes from the worst to the best. @type {readonly Outcome['outcome'][]} */
const ORDER = [
  'internal error',
  'WRONG',
  'wrong, and a changed byte was read',
  'right or not answered',
  'refused',
  'right',
];

/** The worst of the outcomes of several questions. @type {(outcomes: readonly Outcome[]) => Outcome} */
export function worst(outcomes) {
  if (outcomes.every(({ outcome }) => outcome === 'refused')) return { outcome: 'refused' };
  const [first] = [...outcomes].sort((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome));
  const found = present(first, 'an outcome');
  return found.outcome === 'refused' ? { outcome: 'right or not answered' } : found;
}
