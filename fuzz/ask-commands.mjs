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

/** A command with its options: those that are not given have their default. @typedef {{ name: string, given: Readonly<Record<string, unknown>>, words?: readonly string[] }} Question */
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

  /** @param {OpenDump} opened */
  constructor(opened) {
    this.#opened = opened;
  }

  /**
   * Opens a dump for all commands. Throws what the library throws.
   *
   * @param {string} path
   * @param {'auto' | 'layout'} typesFrom
   * @param {(frame: number) => void} onFrame is called before each frame that is read
   */
  static async open(path, typesFrom, onFrame = () => undefined) {
    const options = {
      beside: { typesFrom },
      watch: watching(onFrame),
      log: silentLog,
      needs: /** @type {const} */ ('vcpus'),
    };
    return new Answers(await openDump(path, options));
  }

  /** The output and exit status of a command. Throws errors other than the program's own. @type {(question: Question) => Promise<Said>} */
  async ask({ name, given, words = [] }) {
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
      const status = await perform({ command, values, words, inner: [] }, this.#opened, 'json', streams);
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
 * @type {(path: string, questionsOf: (answers: Answers) => Promise<readonly Question[]>) => Promise<Known>}
 */
export async function know(path, questionsOf) {
  let log = new ReaderLog();
  const answers = await Answers.open(path, 'layout', (frame) => {
    log.onFrame(frame);
  });
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
