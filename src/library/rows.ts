// SPDX-License-Identifier: Apache-2.0
import type { Command } from '../commands/command.js';
import { contextOf, type Given } from '../commands/perform.js';
import { type SlotRow, slots } from '../commands/slots.js';
import { type VmRow, vms } from '../commands/vms.js';
import type { Log } from '../core/log.js';
import { processOf, vmOf, type WhichVms } from './choice.js';

/** The commands whose rows a program can have: what they can be asked, and the type of their rows. */
export interface CommandRows {
  /** Every VM of the host, or those that are meant. */
  readonly vms: { readonly options: WhichVms; readonly row: VmRow };
  /** Every memslot of these VMs. */
  readonly slots: { readonly options: WhichVms; readonly row: SlotRow };
}

const COMMANDS: Readonly<Record<keyof CommandRows, Command>> = { vms, slots };

/** Says what was warned of. */
type Note = (problem: string) => void;

/** Rows, which are made while they are gone through. Each time they are, the dump is asked anew. */
export class Rows<out Row> implements Iterable<Row> {
  readonly #start: (note: Note) => Generator<Row, boolean>;
  #problems: string[] = [];
  #isWhole: boolean | null = null;

  private constructor(start: (note: Note) => Generator<Row, boolean>) {
    this.#start = start;
  }

  /**
   * `start` begins to make rows; it returns what `isWhole` is then.
   *
   * @internal
   */
  static of<Row>(start: (note: Note) => Generator<Row, boolean>): Rows<Row> {
    return new this(start);
  }

  /**
   * Null until the last row was taken; then whether these are all there are, as exit status 0 of the command says. What
   * could not be read of a row is in its own `problems`.
   */
  get isWhole(): boolean | null {
    return this.#isWhole;
  }

  /** What had to be warned of so far: why rows may be missing, and what was assumed. The log has it too. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** The rows from the first on. Throws `DumpError` and `UsageError` where none can be made. */
  *[Symbol.iterator](): Generator<Row, undefined> {
    this.#isWhole = null;
    const problems: string[] = [];
    this.#problems = problems;
    this.#isWhole = yield* this.#start((problem) => problems.push(problem));
  }
}

/** The rows of a command, of what is open. */
export function rowsOf<Name extends keyof CommandRows>(
  name: Name,
  { process, vm }: WhichVms,
  given: Required<Pick<Given, 'image' | 'host'>>,
): Rows<CommandRows[Name]['row']> {
  const command = COMMANDS[name];
  const values = { process: processOf(process), vm: vmOf(vm) };
  return Rows.of(function* (note) {
    const log = noting(given.host.log, note);
    const streams = { log, write: () => Promise.resolve(), input: nothing };
    const request = { command, values, words: [], inner: [] };
    const context = contextOf(request, { ...given, host: { ...given.host, log } }, streams);
    const rows = command.run(context as never) as Generator<CommandRows[Name]['row'], number | undefined>;
    return ((yield* rows) ?? 0) === 0;
  });
}

/** A log that also notes what is warned of. */
const noting = (log: Log, note: Note): Log => ({
  warn: (text, advice) => {
    note(text);
    log.warn(text, advice);
  },
  found: (text) => {
    log.found(text);
  },
  step: (name, work) => log.step(name, work),
  stepAsync: (name, work) => log.stepAsync(name, work),
  tick: () => {
    log.tick();
  },
});

// Standard input that is at its end.
async function* nothing(): AsyncGenerator<string> {}
