// SPDX-License-Identifier: Apache-2.0
// Runs commands on a dump, as the program does with --json.
import {
  commands,
  DumpError,
  GuestTranslator,
  gfn,
  openDump,
  perform,
  selectVm,
  silentLog,
  UsageError,
} from '#internal';
import { parseJson } from '../scripts/json.mjs';
import { present } from '../scripts/present.mjs';
import { ReaderLog, watching } from './readers.mjs';

/** @import { OpenDump } from '#internal' */
/** @import { Readers } from './readers.mjs' */

/**
 * A command with its options: those that are not given have their default. `inside`: it is asked of the guest with this pid, in
 * the host's place. `isLarge`: it takes long, and is asked seldom. `gpas`: with --hva, the guest physical address of each word.
 *
 * @typedef {{ name: string, given: Readonly<Record<string, unknown>>, words?: readonly string[], inside?: string, isLarge?: boolean, gpas?: readonly string[] }} Question
 */
/** What a dump is opened for. @typedef {NonNullable<import('#internal').OpenOptions['needs']>} Needs */
/** A line of --json. @typedef {Record<string, unknown>} Row */
/** What a command said. `error`: it said nothing, but why. @typedef {{ status: number, text: string, error: Error | null }} Said */

/** The rows of an output. @type {(text: string) => Row[]} */
export const rowsOf = (text) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => /** @type {Row} */ (parseJson(line)));

/** A dump that answers commands. */
export class Answers {
  #opened;
  #path;

  /**
   * @param {OpenDump} opened
   * @param {string} path
   */
  constructor(opened, path) {
    this.#opened = opened;
    this.#path = path;
  }

  /**
   * Opens a dump for all commands, or those that need less. Throws what the library throws.
   *
   * @param {string} path
   * @param {'auto' | 'layout'} typesFrom
   * @param {(frame: number) => void} onFrame is called before each frame that is read
   * @param {Needs} needs
   */
  static async open(path, typesFrom, onFrame = () => undefined, needs = 'vcpus') {
    const options = { beside: { typesFrom }, watch: watching(onFrame), log: silentLog, needs };
    return new Answers(await openDump(path, options), path);
  }

  /** The output and exit status of a command. Throws errors other than the program's own. @type {(question: Question) => Promise<Said>} */
  async ask(question) {
    if (question.inside === undefined) return this.#ask(question, this.#opened);
    /** @type {OpenDump | null} */
    let guest = null;
    try {
      guest = await openDump(this.#path, { log: silentLog, needs: 'host', guests: [question.inside] });
      return await this.#ask(question, guest);
    } catch (error) {
      if (error instanceof DumpError || error instanceof UsageError) return { status: 2, text: '', error };
      throw error;
    } finally {
      guest?.close();
    }
  }

  /** @type {(question: Question, opened: OpenDump) => Promise<Said>} */
  async #ask({ name, given, words = [] }, opened) {
    const command = present(
      commands.find((each) => each.name === name),
      name,
    );
    /** @type {Record<string, unknown>} */
    const values = { process: null, vm: null };
    for (const [option, spec] of Object.entries(command.options)) values[option] = spec.default;
    Object.assign(values, given);
    let text = '';
    const streams = {
      log: silentLog,
      write: (/** @type {string | Uint8Array} */ piece) => {
        text += String(piece);
        return Promise.resolve();
      },
      input: () => {
        throw new Error('nothing comes from standard input');
      },
    };
    try {
      const status = await perform({ command, values, words, inner: [] }, opened, 'json', streams);
      return { status, text, error: null };
    } catch (error) {
      if (error instanceof DumpError || error instanceof UsageError) return { status: 2, text, error };
      throw error;
    }
  }

  /**
   * The page-table entries that are walked for guest pages of the VM that `map` was asked of.
   *
   * @param {Question['given']} given
   * @param {readonly number[]} frames
   */
  entriesOf({ process, vm, addressSpace }, frames) {
    const selected = selectVm(
      this.#opened.host,
      /** @type {string} */ (process),
      /** @type {string | null} */ (vm ?? null),
    );
    const translator = new GuestTranslator(selected.vm, Number(addressSpace ?? 0));
    return frames.map((frame) => {
      translator.translate(gfn(frame));
      return translator.steps.map(({ address }) => address);
    });
  }

  close() {
    this.#opened.close();
  }
}

/**
 * What the undamaged dump says, and who reads each frame for it: when the dump is opened, and for each question.
 *
 * @typedef {{ opening: Readers, right: Map<Question, Said>, readers: Map<Question, Readers> }} Known
 */

/**
 * Asks the undamaged dump.
 *
 * @type {(path: string, questionsOf: (answers: Answers) => Promise<readonly Question[]>, needs?: Needs) => Promise<Known>}
 */
export async function know(path, questionsOf, needs = 'vcpus') {
  let log = new ReaderLog();
  const answers = await Answers.open(
    path,
    'layout',
    (frame) => {
      log.onFrame(frame);
    },
    needs,
  );
  const opening = log.readers;
  /** @type {Map<Question, Said>} */
  const right = new Map();
  /** @type {Map<Question, Readers>} */
  const readers = new Map();
  for (const question of await questionsOf(answers)) {
    log = new ReaderLog();
    right.set(question, await answers.ask(question));
    readers.set(question, log.readers);
  }
  answers.close();
  return { opening, right, readers };
}
