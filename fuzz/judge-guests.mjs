// SPDX-License-Identifier: Apache-2.0
// Compares what commands about a guest's memory and about logs say of a mutant with what they say of the undamaged dump.
import { renameSync } from 'node:fs';
import { present } from '../scripts/present.mjs';
import { Answers, know } from './ask-commands.mjs';
import { changedBytes, inEntries, kindsOf, UNPACKED, WALKED } from './changed.mjs';
import { wrongBytes, wrongMatches, wrongMessages, wrongPages } from './compare-bytes.mjs';
import { wrongNpt, wrongVirtual } from './compare-guests.mjs';
import { guestFacts, guestQuestions } from './guest-questions.mjs';
import { addressIn, entriesTo, framesOfGuest, placeOf } from './guest-truth.mjs';
import { worst } from './judge-commands.mjs';
import { outcomeOf } from './outcome.mjs';
import { wordsIn } from './questions.mjs';
import {
  CONTENTS,
  GUEST_KERNEL,
  GUEST_KERNEL_TABLES,
  GUEST_LOG,
  GUEST_MEMORY,
  GUEST_TABLES,
  GUEST_TASKS,
  KVM_TABLES,
  LOG,
  PROCESS_TABLES,
  REGISTERS,
} from './readers.mjs';

/** @import { Known, Needs, Question, Said } from './ask-commands.mjs' */
/** @import { WrongMemory } from './compare-bytes.mjs' */
/** @import { Hostile } from './guest-changes.mjs' */
/** @import { Mutant } from './judge.mjs' */
/** @import { Outcome } from './outcome.mjs' */
/** @import { Dice } from './random.mjs' */
/** @import { Readers } from './readers.mjs' */

const PAGE = 4096;
/** Pages of a guest's kernel with texts: VMCOREINFO, the header of BTF, the log's first message. */
const TEXTS = ['OSRELEASE=', '\u009f\u00eb\u0001\0', 'Linux version '];
/** Words of each kind that are changed. */
const MOST_WORDS = 20_000;
/** Of large questions this part of the mutants is asked. */
const SELDOM = 20;
/** Bytes of the least part of a log that a message owns: its descriptor (struct prb_desc). */
const LEAST_OF_LOG = 24;
/** The guest's own memory, and the way to it. */
const OF_GUEST = new Set([GUEST_MEMORY, GUEST_TABLES]);

/** Asks about a guest (a Subject). */
export class Guests {
  #known;
  /** The undamaged dump. It is opened again when it is asked: an open one keeps much memory. */
  #path;
  #scratch;
  #needs;
  /** @type {readonly Question[]} */
  #all;
  /** What the undamaged dump says, by form. @type {Map<string, Map<Question, Said>>} */
  #right = new Map();
  /** Addresses of entries of page tables that lead to some of the answers. @type {Map<Question, number[]>} */
  #entries = new Map();
  /** @type {number[][]} */
  #words = [];
  /** What the guest can have changed, by question. @type {Map<Question, Hostile>} */
  #hostile = new Map();
  /** Frames that have the guest's memory. @type {ReadonlyMap<number, number>} */
  #pages = new Map();

  /**
   * @param {Known} known
   * @param {string} path the undamaged dump
   * @param {string} scratch name of a file that is written
   * @param {Needs} needs
   */
  constructor(known, path, scratch, needs) {
    this.#known = known;
    this.#path = path;
    this.#scratch = scratch;
    this.#needs = needs;
    this.#all = [...known.right.keys()];
  }

  /**
   * For a fixture, whose undamaged dump is in `files`, by form. `pageOf` gives the bytes of a frame.
   *
   * @type {(folder: string, files: Map<string, string>, pageOf: (frame: number) => Buffer | null) => Promise<Guests>}
   */
  static async of(folder, files, pageOf) {
    const path = present(files.get('kdump'), 'kdump');
    const facts = guestFacts(folder);
    const needs = facts === null ? 'log' : 'vcpus';
    const scratch = `${path}-extracted`;
    const questions = guestQuestions(facts);
    const known = await know(
      path,
      async (answers) => (await questions(answers)).map((each) => withFile(each, scratch)),
      needs,
    );
    const guests = new Guests(known, path, scratch, needs);
    await guests.#prepare(files, pageOf);
    return guests;
  }

  /** @type {(files: Map<string, string>, pageOf: (frame: number) => Buffer | null) => Promise<void>} */
  async #prepare(files, pageOf) {
    for (const [form, file] of files) {
      const answers = await Answers.open(file, 'layout', undefined, this.#needs);
      /** @type {Map<Question, Said>} */
      const said = new Map();
      for (const question of this.#all) {
        said.set(question, await answers.ask(question));
        if (question.name === 'extract') renameSync(this.#scratch, `${this.#scratch}-right`);
      }
      answers.close();
      this.#right.set(form, said);
    }
    const truth = await this.#truth();
    const process = this.#all.find(({ given, inside }) => inside === undefined && given.process !== undefined)?.given
      .process;
    if (typeof process === 'string') this.#pages = await framesOfGuest(truth, process);
    for (const question of this.#all) {
      const [first] = question.words ?? [];
      if (first === undefined || question.inside !== undefined) continue;
      const [second = first] = (question.words ?? []).slice(1);
      const { host, guest } = await entriesTo(truth, question, addressIn(second));
      this.#entries.set(question, [...new Set([...host, ...guest])]);
    }
    truth.close();
    this.#words = wordsIn(this.#known, pageOf, (kind) => kind !== PROCESS_TABLES && !CONTENTS.has(kind));
    for (const question of this.#all) this.#hostile.set(question, this.#hostileOf(question, this.#pages, pageOf));
  }

  /**
   * What the guest can have changed of what one question reads.
   *
   * @type {(question: Question, pages: ReadonlyMap<number, number>, pageOf: (frame: number) => Buffer | null) => Hostile}
   */
  #hostileOf(question, pages, pageOf) {
    const readers = new Map([[question, this.#readersOf(question)]]);
    const readBy = (/** @type {string[]} */ ...kinds) =>
      wordsIn({ ...this.#known, readers }, pageOf, (kind) => kinds.includes(kind))
        .flat()
        .filter((at) => pages.has(Math.floor(at / PAGE)));
    /** @type {Map<number, boolean>} */
    const known = new Map();
    const isText = (/** @type {number} */ at) => {
      const frame = Math.floor(at / PAGE);
      const has = known.get(frame) ?? TEXTS.some((text) => pageOf(frame)?.includes(text, 0, 'latin1') === true);
      known.set(frame, has);
      return has;
    };
    return {
      tables: some(readBy(GUEST_TABLES, GUEST_KERNEL_TABLES)),
      texts: some([...readBy(GUEST_LOG), ...readBy(GUEST_KERNEL).filter(isText)]),
      words: some(readBy(GUEST_TASKS, GUEST_KERNEL)),
      pages,
    };
  }

  /** What the guest can have changed of what is asked; null if it is not asked about a guest. @type {(asked: readonly Question[]) => Hostile | null} */
  hostileFor([question]) {
    const hostile = question === undefined ? undefined : this.#hostile.get(question);
    const isEmpty = hostile === undefined || hostile.tables.length + hostile.texts.length + hostile.words.length === 0;
    return isEmpty ? null : hostile;
  }

  /** One question. @type {(dice: Dice) => Question[]} */
  pick(dice) {
    const names = [...new Set(this.#all.map(keyOf))];
    const isSeldom = dice.below(SELDOM) === 0;
    const chosen = this.#all.filter(({ isLarge = false }) => isLarge === isSeldom);
    const own = chosen.length === 0 ? this.#all : chosen;
    const name = dice.pick(names.filter((each) => own.some((question) => keyOf(question) === each)));
    return [dice.pick(own.filter((question) => keyOf(question) === name))];
  }

  /** @type {(asked: readonly Question[], dice: Dice) => readonly number[]} */
  entriesOf([question], dice) {
    const entries = question === undefined ? [] : (this.#entries.get(question) ?? []);
    return entries.length > 0 && dice.below(3) === 0 ? entries : dice.pick(this.#words);
  }

  /** @type {(mutant: Mutant<readonly Question[]>) => Promise<Outcome>} */
  async judge(mutant) {
    const { path, typesFrom, asked } = mutant;
    /** @type {Answers | null} */
    let answers = null;
    try {
      answers = await Answers.open(path, typesFrom, undefined, this.#needs);
      /** @type {Outcome[]} */
      const outcomes = [];
      for (const question of asked)
        outcomes.push(await this.#judge(mutant, question, await answers.ask(question), answers));
      return worst(outcomes);
    } catch (error) {
      return outcomeOf(error);
    } finally {
      answers?.close();
    }
  }

  /** @type {(mutant: Mutant<readonly Question[]>, question: Question, said: Said, answers: Answers) => Promise<Outcome>} */
  async #judge(mutant, question, said, answers) {
    const right = present(this.#right.get(mutant.form)?.get(question), 'what the undamaged dump says');
    const isFile = question.name === 'extract';
    if (!isFile && said.status === right.status && said.text === right.text) return { outcome: 'right' };
    if (said.status === 2 && said.text === '') return { outcome: 'refused' };
    const truth = await this.#truth();
    try {
      return await this.#judgeOther(mutant, question, { said, right, answers, truth });
    } finally {
      truth.close();
    }
  }

  #truth() {
    return Answers.open(this.#path, 'layout', undefined, this.#needs);
  }

  /**
   * Judges an answer that is not the right one.
   *
   * @type {(mutant: Mutant<readonly Question[]>, question: Question, about: { said: Said, right: Said, answers: Answers, truth: Answers }) => Promise<Outcome>}
   */
  async #judgeOther(mutant, question, { said, right, answers, truth }) {
    const wrong = await this.#compare(question, said, right, truth);
    if (wrong === null) return { outcome: said.status === 0 ? 'right' : 'right or not answered' };
    const { name, given, words = [], inside } = question;
    const asked = `${name} ${JSON.stringify(given)} ${words.join(' ')}${inside === undefined ? '' : ` in guest ${inside}`}`;
    const detail = `${asked}, status ${said.status}: ${wrong.detail}`;
    const where = await this.#excuse(mutant, question, wrong, { answers, truth });
    return where === null
      ? { outcome: 'WRONG', detail }
      : { outcome: 'wrong, and a changed byte was read', where, detail };
  }

  /** @type {(question: Question, said: Said, right: Said, truth: Answers) => Promise<WrongMemory | null>} */
  async #compare(question, said, right, truth) {
    const { name } = question;
    if (name === 'read') return wrongBytes(said, right);
    if (name === 'search') return wrongMatches(said, right);
    if (name === 'log') return wrongMessages(said, right);
    if (name === 'npt') return wrongNpt(said, right, question, truth);
    if (name === 'vms') return { detail: said.text.slice(0, 300), address: null, part: 'guest' };
    if (name === 'extract') return wrongPages(this.#scratch, `${this.#scratch}-right`, said);
    return wrongVirtual(question, said, right, truth);
  }

  /** The changed byte that excuses a wrong answer; null if none does. @type {(mutant: Mutant<readonly Question[]>, question: Question, wrong: WrongMemory, dumps: { answers: Answers, truth: Answers }) => Promise<string | null>} */
  async #excuse({ mutation, base }, question, { part, address, messages }, { answers, truth }) {
    if (mutation.structural) return null;
    if (!base.plain) return UNPACKED;
    const all = changedBytes(mutation, base);
    const outside = all.filter((byte) => !this.#pages.has(Math.floor(byte / PAGE)));
    if (address !== null && part === 'bytes') {
      const place = await placeOf(truth, question, address);
      if (place !== null && all.includes(Number(place))) return 'the bytes themselves';
    }
    const { host, guest } =
      address === null ? { host: [], guest: [] } : await entriesOrNone(answers, question, address);
    if (inEntries(outside, host)) return WALKED;
    if (part !== 'host' && inEntries(all, guest)) return GUEST_TABLES;
    const readers = [this.#known.opening, this.#readersOf(question)];
    const isTotal = address === null && question.name === 'npt';
    const counts = (/** @type {string} */ kind) => {
      if (kind === LOG || kind === GUEST_LOG)
        return messages !== undefined && messages <= 2 + Math.ceil(all.length / LEAST_OF_LOG);
      if (kind === KVM_TABLES) return part === 'guest';
      if (kind === PROCESS_TABLES) return isTotal;
      if (kind === REGISTERS) return question.given.gva === true;
      return !CONTENTS.has(kind) && !OF_GUEST.has(kind);
    };
    return kindsOf(part === 'host' ? outside : all, readers, counts);
  }

  /** Who reads each frame for a question. Frames that are read inside a guest are not watched. @type {(question: Question) => Readers} */
  #readersOf(question) {
    const isInside = question.inside !== undefined;
    const watched = isInside ? this.#all.filter(({ inside }) => inside === undefined) : [question];
    /** @type {Readers} */
    const readers = new Map();
    for (const each of watched)
      for (const [frame, kinds] of this.#known.readers.get(each) ?? [])
        readers.set(frame, new Set([...(readers.get(frame) ?? []), ...kinds]));
    return readers;
  }
}

/** @type {(question: Question, path: string) => Question} */
const withFile = (question, path) =>
  question.name === 'extract' ? { ...question, given: { ...question.given, output: path, force: true } } : question;

/** Some of many words. @type {(words: readonly number[]) => number[]} */
const some = (words) => {
  const step = Math.ceil(words.length / MOST_WORDS);
  return words.filter((_, i) => i % Math.max(1, step) === 0);
};

/** Questions of a kind are asked as often as those of another. @type {(question: Question) => string} */
const keyOf = ({ name, given, inside, words = [] }) =>
  [name, given.gva, given.hva, given.gtask !== undefined, words.length > 0, inside].join(' ');

/** @type {(answers: Answers, question: Question, address: bigint) => Promise<{ host: number[], guest: number[] }>} */
async function entriesOrNone(answers, question, address) {
  try {
    return await entriesTo(answers, question, address);
  } catch {
    return { host: [], guest: [] };
  }
}
