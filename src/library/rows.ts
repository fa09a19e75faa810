// SPDX-License-Identifier: Apache-2.0
import type { Command } from '../commands/command.js';
import { contextOf, type Given } from '../commands/perform.js';
import { type SlotRow, slots } from '../commands/slots.js';
import { type VcpuRow, vcpus } from '../commands/vcpus.js';
import { type VmRow, vms } from '../commands/vms.js';
import { UsageError } from '../core/errors.js';
import { noting } from '../core/log.js';
import { shown } from './addresses.js';
import { processOf, vmOf, type WhichSlots, type WhichVms } from './choice.js';
import type { Lifetime } from './lifetime.js';
import { checkOptions, flag, type Known } from './options.js';

/** The commands whose rows a program can read: the options and the type of the rows of each. */
export interface CommandRows {
  /** The VMs of the host. */
  readonly vms: { readonly options: WhichVms; readonly row: VmRow };
  /** The memslots of the VMs. */
  readonly slots: { readonly options: WhichSlots; readonly row: SlotRow };
  /** The vCPUs of the VMs and their registers. */
  readonly vcpus: { readonly options: WhichVms; readonly row: VcpuRow };
}

type Options<Name extends keyof CommandRows> = CommandRows[Name]['options'];

// The choices are checked where they are read.
const WHICH: Known<WhichVms> = { process: null, vm: null };
const COMMANDS: {
  readonly [Name in keyof CommandRows]: { readonly command: Command; readonly options: Known<Options<Name>> };
} = {
  vms: { command: vms, options: WHICH },
  slots: { command: slots, options: { ...WHICH, sizes: flag } },
  vcpus: { command: vcpus, options: WHICH },
};

/** Records a warning. */
type Note = (problem: string) => void;

/** Rows of a command. They are made one by one during the iteration; each iteration reads the dump again. */
export class Rows<out Row> implements Iterable<Row> {
  readonly #start: (note: Note) => Generator<Row, boolean>;
  readonly #lifetime: Lifetime;
  #problems: string[] = [];
  #isWhole: boolean | null = null;

  private constructor(start: (note: Note) => Generator<Row, boolean>, lifetime: Lifetime) {
    this.#start = start;
    this.#lifetime = lifetime;
  }

  /**
   * `start` makes the rows; it returns the final value of `isWhole`.
   *
   * @internal
   */
  static of<Row>(start: (note: Note) => Generator<Row, boolean>, lifetime: Lifetime): Rows<Row> {
    return new this(start, lifetime);
  }

  /**
   * Whether the rows are complete and without problems, as exit status 0 of the command; null until the iteration has
   * ended. The member `problems` of a row lists what could not be read of it.
   */
  get isWhole(): boolean | null {
    return this.#isWhole;
  }

  /** The warnings so far: why rows may be missing, and what was assumed. The log has them too. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Iterates over the rows from the first one. Throws `DumpError` or `UsageError` if no rows can be made. */
  *[Symbol.iterator](): Generator<Row, undefined> {
    this.#isWhole = null;
    const problems: string[] = [];
    this.#problems = problems;
    this.#isWhole = yield* this.#lifetime.during(this.#start((problem) => problems.push(problem)));
  }
}

/** The rows of a command for an opened dump. Throws `UsageError` for options that it does not have. */
export function rowsOf<Name extends keyof CommandRows>(
  name: Name,
  options: Options<Name>,
  { lifetime, ...given }: Required<Pick<Given, 'image' | 'host'>> & { readonly lifetime: Lifetime },
): Rows<CommandRows[Name]['row']> {
  const { command, options: known } = commandOf(name);
  checkOptions(options, known);
  const { process, vm, ...others } = options;
  const values = { sizes: false, ...others, process: processOf(process), vm: vmOf(vm) };
  return Rows.of(function* (note) {
    const log = noting(given.host.log, note);
    const streams = { log, write: () => Promise.resolve(), input: nothing };
    const request = { command, values, words: [], inner: [] };
    const context = contextOf(request, { ...given, host: { ...given.host, log } }, streams, 'json');
    const rows = command.run(context as never) as Generator<CommandRows[Name]['row'], number | undefined>;
    return ((yield* rows) ?? 0) === 0;
  }, lifetime);
}

function commandOf<Name extends keyof CommandRows>(name: Name): (typeof COMMANDS)[Name] {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name];
  throw new UsageError(
    `${shown(name)} is not the name of a command with rows; valid: ${Object.keys(COMMANDS).join(', ')}`,
  );
}

// Empty standard input.
async function* nothing(): AsyncGenerator<string> {}
