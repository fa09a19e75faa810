// SPDX-License-Identifier: Apache-2.0
import { gfn } from '../core/address.js';
import { UsageError } from '../core/errors.js';
import { type Line, lineBatches } from '../core/lines.js';
import { type AskedAddress, needAddress, parseAddress, printable } from '../core/text.js';
import type { Host } from '../kernel/host.js';
import { JsonLines } from '../report/json.js';
import { block, type Style } from '../report/text.js';
import type { Answer } from '../translate/answer.js';
import { Road } from '../translate/road.js';
import type { ExitCode, Streams } from './command.js';
import { type Selected, selectVm } from './select.js';
import { SurroundingsOf } from './surroundings.js';

export interface VtopOptions {
  /** A pid or the address of a task_struct. Without one the error says which processes hold VMs. */
  readonly process: string | null;
  readonly vm: string | null;
  readonly addressSpace: number;
  /** Hexadecimal addresses; `-` stands for the lines of standard input. */
  readonly addresses: readonly string[];
  readonly json: boolean;
  readonly style: Style;
}

/** Characters collected before they are written. */
const BATCH = 0x10000;

/** Translates guest physical addresses. Addresses of the command line are checked before the dump is touched. */
export class Vtop {
  readonly #options: VtopOptions;
  readonly #asked: readonly (AskedAddress | '-')[];

  constructor(options: VtopOptions) {
    this.#options = options;
    this.#asked = options.addresses.map((text) => (text === '-' ? '-' : needAddress(text)));
  }

  async run(host: Host, streams: Streams): Promise<ExitCode> {
    const { process, vm, addressSpace } = this.#options;
    const selected = host.log.step('VM', () => selectVm(host, process, vm));
    const road = host.log.step('memslots', () => new Road(host, selected.vm, addressSpace));
    host.log.found(`address space ${addressSpace}: ${road.slots.slots.length} memslots`);
    const printer = new Printer(road, this.#format(host, selected), streams);
    await host.log.stepAsync('answers', () => this.#answer(printer, streams));
    if (printer.count === 0) throw new UsageError('no address came from standard input');
    return printer.missing ? 1 : 0;
  }

  async #answer(printer: Printer, streams: Streams): Promise<void> {
    try {
      for (const asked of this.#asked) {
        if (asked === '-') await printer.lines(streams.input());
        else await printer.print(asked);
      }
    } finally {
      await printer.flush();
    }
  }

  #format(host: Host, { pid, fd, vm }: Selected): Format {
    const { json, style, addressSpace } = this.#options;
    if (json) {
      const lines = new JsonLines({ pid, vm: { fd, kvm: vm.address }, addressSpace });
      return {
        answer: (asked, answer) => lines.line(asked.digits, answer),
        invalid: (text) => lines.line(null, invalid(text)),
      };
    }
    const surroundings = new SurroundingsOf(host, vm);
    let count = 0;
    const separate = (text: string) => (count++ === 0 ? text : `\n${text}`);
    return {
      answer: (asked, answer) => separate(block(asked.digits, answer, surroundings.find(answer), style)),
      invalid: (text) => separate(block(printable(text, 64), invalid(text), NOTHING, style)),
    };
  }
}

interface Format {
  answer(asked: AskedAddress, answer: Answer): string;
  invalid(text: string): string;
}

const NOTHING = { vma: null, vmaKnown: false, file: '', page: null, zeroPage: false, memoryDigits: 0, encryption: 0n };

const invalid = (text: string): Answer => ({
  state: 'invalid',
  reason: 'not-hexadecimal',
  message: `'${printable(text)}' is not a hexadecimal address`,
  slot: null,
  page: null,
  offset: 0,
  frame: null,
  pageSize: null,
  protNone: false,
  steps: [],
  swap: null,
});

/** Answers to standard output, in the order asked. */
class Printer {
  missing = false;
  /** Addresses and lines answered. */
  count = 0;
  #text = '';

  constructor(
    readonly road: Road,
    readonly format: Format,
    readonly streams: Streams,
  ) {}

  /** One address a line. What has come is answered before more is waited for. */
  async lines(input: AsyncIterable<string>): Promise<void> {
    for await (const batch of lineBatches(input)) {
      for (const line of batch) await this.#line(line);
      await this.flush();
    }
  }

  async print(asked: AskedAddress): Promise<void> {
    const state =
      asked.frame === null ? this.road.beyond(asked.offset) : this.road.translate(gfn(asked.frame), asked.offset);
    if (state !== 'mapped') this.missing = true;
    await this.#add(this.format.answer(asked, this.road));
  }

  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '') await this.streams.write(text);
  }

  async #line({ text, cut }: Line): Promise<void> {
    const asked = cut ? null : parseAddress(text);
    if (asked !== null) return this.print(asked);
    this.missing = true;
    await this.#add(this.format.invalid(text));
  }

  async #add(text: string): Promise<void> {
    this.count++;
    this.#text += text;
    if (this.#text.length > BATCH) await this.flush();
  }
}
