// SPDX-License-Identifier: Apache-2.0
import { gfn } from '../core/address.js';
import { UsageError } from '../core/errors.js';
import { type AskedAddress, printable } from '../core/text.js';
import { block } from '../report/text.js';
import { SurroundingsOf } from '../translate/surroundings.js';
import { GuestTranslator } from '../translate/translator.js';
import { addresses } from './addresses.js';
import { Answered, invalid, NOTHING, translation } from './answered.js';
import { BadLine, command, type ExitCode, type Request } from './command.js';
import { addressSpace, chosen } from './options.js';

const STYLES = ['crash', '2012'] as const;

/** The main job: guest physical addresses to host virtual and host physical ones. */
export const vtop = command({
  name: 'vtop',
  summary: 'translate guest physical addresses (the default)',
  description:
    "Where a guest physical address was in QEMU and in the machine (GPA -> HVA -> HPA), out of a crashed KVM host's vmcore alone.",
  needs: 'vm',
  args: addresses,
  options: {
    addressSpace,
    style: chosen('style', "text as crash 9 prints it, or with the 2012 extension's labels", STYLES),
  },
  records: [translation],
  csv: false,
  notes: [
    'A reader that closes early (| head) ends the program with 0. Without -g the processes that hold VMs are listed.',
  ],
  examples: [
    { line: '-c vmcore -g 191579 -p 34de5840', note: "one address, as crash's vtop shows it" },
    { line: '-c vmcore -g 191579 -p 0 1000 fee00000', note: 'several' },
    { line: '-c vmcore -g ffff8dfd8256a000 -p 0 --json', note: 'a task by its address; one JSON object an address' },
    { line: '-c vmcore -g 150 --vm 4 -p 0', note: 'one VM of a process that holds several' },
    { line: '-c vmcore -g 150 -p - --json < addresses', note: 'one address a line from standard input' },
  ],
  exit: {
    0: 'every address got a host physical address',
    1: 'some have none (each says why)',
    2: 'nothing was answered',
  },

  async *run({ selected, options, asked, log }) {
    const { addressSpace: space } = options;
    const translator = log.step('memslots', () => new GuestTranslator(selected.vm, space));
    log.found(`address space ${space}: ${translator.slots.slots.length} memslots`);
    const answers = new Answers(translator, new Answered(selected, space));
    for await (const group of asked) yield answers.of(group);
    if (answers.count === 0) throw new UsageError('no address came from standard input');
    return answers.exit;
  },

  text({ host, selected, options }) {
    const surroundings = new SurroundingsOf(host, selected.vm);
    let count = 0;
    return {
      row({ digits, answer, text }) {
        const around = digits === null ? NOTHING : surroundings.find(answer);
        const made = block(digits ?? printable(text, 64), answer, around, options.style);
        return count++ === 0 ? made : `\n${made}`;
      },
    };
  },
});

/** Addresses of one VM. */
export interface Question {
  readonly process: string | null;
  readonly vm: string | null;
  readonly addressSpace: number;
  /** Hexadecimal addresses; `-` stands for the lines of standard input. */
  readonly addresses: readonly string[];
}

/** The request that asks them. */
export const requestFor = ({ addresses: words, process, vm, addressSpace: space }: Question): Request => ({
  command: vtop,
  values: { process, vm, addressSpace: space, style: 'crash' },
  words,
  inner: [],
});

/** Answers in the order asked: one object, whose fields change from row to row. */
class Answers {
  /** Addresses and lines answered. */
  count = 0;
  #missing = false;

  constructor(
    readonly translator: GuestTranslator,
    readonly answered: Answered,
  ) {}

  get exit(): ExitCode {
    return this.#missing ? 1 : 0;
  }

  *of(group: readonly (AskedAddress | BadLine)[]): Generator<Answered> {
    const { translator, answered } = this;
    for (const asked of group) {
      this.count++;
      if (asked instanceof BadLine) {
        this.#missing = true;
        yield answered.set(null, asked.text, invalid(asked.text));
        continue;
      }
      const { frame, offset, digits } = asked;
      const state = frame === null ? translator.beyond(offset) : translator.translate(gfn(frame), offset);
      if (state !== 'mapped') this.#missing = true;
      yield answered.set(digits, '', translator);
    }
  }
}
