// SPDX-License-Identifier: Apache-2.0
import { gfn } from '../core/address.js';
import { UsageError } from '../core/errors.js';
import { type AskedAddress, printable } from '../core/text.js';
import { block } from '../report/text.js';
import { SurroundingsOf } from '../translate/surroundings.js';
import { GuestTranslator } from '../translate/translator.js';
import { addresses } from './addresses.js';
import { Answered, NOTHING, translation } from './answered.js';
import { BadLine, command, type ExitCode, type Request } from './command.js';
import { addressSpace, chosen, flag } from './options.js';
import { PageRow } from './page-rows.js';
import { pageParagraph } from './page-text.js';
import { Warnings } from './problems.js';

const STYLES = ['crash', '2012'] as const;

/** The main command: translates guest physical addresses to host virtual and host physical addresses. */
export const vtop = command({
  name: 'vtop',
  summary: 'translate guest physical addresses (the default command)',
  description:
    "Translates guest physical addresses (GPA) of a KVM guest to QEMU's virtual addresses (HVA) and to physical addresses of the host (HPA), using only the vmcore of the crashed host.",
  needs: 'vm',
  args: addresses,
  options: {
    addressSpace,
    style: chosen(
      'style',
      'format of the text: as crash 9 prints it, or with the labels of the crash extension of 2012',
      STYLES,
    ),
    facts: flag('say of each page what it is, as the command page does'),
  },
  records: [translation],
  csv: false,
  notes: [
    'Without -g, the only VM of the dump is used; if there are several, the error message lists the processes that hold them.',
    "The reason why an address has no host physical address is printed on standard error, for at most 20 addresses; with --json it is the member 'message'. A line of standard input that is not an address, also an empty one, is answered as invalid, so that there is one answer for each line.",
    'If the reader of a pipe closes it early (| head), the exit status is 0.',
  ],
  examples: [
    { line: '-c vmcore -g 191579 -p 34de5840', note: "one address, as crash's vtop prints it" },
    { line: '-c vmcore -g 191579 -p 0 1000 fee00000', note: 'several addresses' },
    { line: '-c vmcore -g ffff8dfd8256a000 -p 0 --json', note: 'a task by its address; one JSON object per address' },
    { line: '-c vmcore -g 150 --vm 4 -p 0', note: 'one VM of a process that holds several' },
    { line: '-c vmcore -g 150 -p - --json < addresses', note: 'addresses from standard input, one per line' },
  ],
  exit: {
    0: 'every address has a host physical address',
    1: 'some addresses have no host physical address',
    2: 'nothing was answered',
  },

  async *run({ selected, options, asked, log, host, image }) {
    const { addressSpace: space, facts } = options;
    const translator = log.step('memslots', () => new GuestTranslator(selected.vm, space));
    log.found(`address space ${space}: ${translator.slots.slots.length} memslots`);
    const pages = facts ? log.step('struct pages', () => new PageRow(host, image)) : null;
    const answers = new Answers(translator, new Answered(selected, space), pages);
    for await (const group of asked) yield answers.of(group);
    if (answers.count === 0) throw new UsageError('standard input has no addresses');
    return answers.exit;
  },

  text({ host, selected, options, log }) {
    const surroundings = new SurroundingsOf(host, selected.vm.mm);
    const reasons = new Warnings(log, "--json has them all, as 'message'");
    let count = 0;
    return {
      row({ digits, answer, text, line, page }) {
        if (answer.state !== 'mapped') {
          const what = digits ?? `line ${line} of standard input`;
          reasons.add(what, () => `${what}: ${answer.message ?? answer.state}`);
        }
        const around = digits === null ? NOTHING : surroundings.find(answer);
        const facts = page === null ? '' : `\n${pageParagraph(page)}`;
        const made = block(digits ?? printable(text, 64), answer, around, options.style) + facts;
        return count++ === 0 ? made : `\n${made}`;
      },
      end() {
        reasons.end();
        return '';
      },
    };
  },
});

/** Addresses to translate, and the VM that they belong to. */
export interface Question {
  readonly process: string | null;
  readonly vm: string | null;
  readonly addressSpace: number;
  /** Hexadecimal addresses; `-` is replaced by the lines of standard input. */
  readonly addresses: readonly string[];
}

/** The request that translates the addresses of a question. */
export const requestFor = ({ addresses: words, process, vm, addressSpace: space }: Question): Request => ({
  command: vtop,
  values: { process, vm, addressSpace: space, style: 'crash', facts: false },
  words,
  inner: [],
});

/** Answers in the order of the addresses. One object is used for all rows; its fields change from row to row. */
class Answers {
  /** Number of addresses and lines answered. */
  count = 0;
  #missing = false;

  constructor(
    readonly translator: GuestTranslator,
    readonly answered: Answered,
    readonly pages: PageRow | null,
  ) {}

  get exit(): ExitCode {
    return this.#missing ? 1 : 0;
  }

  *of(group: readonly (AskedAddress | BadLine)[]): Generator<Answered> {
    const { translator, answered, pages } = this;
    for (const asked of group) {
      this.count++;
      if (asked instanceof BadLine) {
        this.#missing = true;
        answered.page = null;
        yield answered.setInvalid(asked);
        continue;
      }
      const { frame, offset, digits } = asked;
      const state = frame === null ? translator.beyond(offset) : translator.translate(gfn(frame), offset);
      if (state !== 'mapped') this.#missing = true;
      if (pages !== null) answered.page = state === 'mapped' ? pages.set(translator.frame as number, offset) : null;
      yield answered.set(digits, translator);
    }
  }
}
