// SPDX-License-Identifier: Apache-2.0
import { loadKernelCodecs } from '../codecs/index.js';
import { UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { printable } from '../core/text.js';
import { isLive } from '../kernel/live.js';
import type { Selected } from '../kvm/select.js';
import { digitsOfPage } from '../report/hex.js';
import { block, guestBlock, NOWHERE, outerBlock } from '../report/text.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import type { GuestVirtual } from '../spaces/guest-virtual.js';
import { SurroundingsOf } from '../translate/surroundings.js';
import { GuestTranslator } from '../translate/translator.js';
import { addresses, addressOfFrame } from './addresses.js';
import { Answered, translation } from './answered.js';
import { BadLine, command, type HostGiven, type Request } from './command.js';
import { needGva, virtualOptions } from './guest-options.js';
import { addressSpace, chosen, flag, type Values } from './options.js';
import type { PageRow } from './page-row.js';
import { pageParagraph } from './page-text.js';
import { Warnings } from './problems.js';
import { Answers } from './vtop-answers.js';

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
    gfn: flag('the addresses are guest frame numbers: addresses divided by 4096', { excludes: ['gva'] }),
    facts: flag('say of each page what it is, as the command page does'),
    ...virtualOptions,
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
    { line: '-c vmcore -g 191579 --gfn 34de5 1111 2222', note: 'guest frame numbers' },
    { line: '-c vmcore -g 150 --vm 4 -p 0', note: 'one VM of a process that holds several' },
    { line: '-c vmcore -g 150 -p - --json < addresses', note: 'addresses from standard input, one per line' },
  ],
  exit: {
    0: 'every address has a host physical address',
    1: 'some addresses have no host physical address',
    2: 'nothing was answered',
  },

  async *run({ selected, guests, options, asked, log, host, image }) {
    needGva(options);
    const { addressSpace: space, facts, gfn } = options;
    const translator = log.step('memslots', () => new GuestTranslator(selected.vm, space));
    log.found(`address space ${space}: ${translator.slots.slots.length} memslots`);
    const pages = facts ? await pagesOf({ host, image, log }) : null;
    const virtual = options.gva ? await virtualOf(selected, translator.space, options) : null;
    const outer = guests.map(({ vm }) => new GuestTranslator(vm, 0)).reverse();
    const answers = new Answers(translator, new Answered(selected, space), pages, virtual, outer, isLive(host));
    for await (const group of asked)
      yield answers.of(gfn ? group.map((word) => (word instanceof BadLine ? word : addressOfFrame(word))) : group);
    if (answers.count === 0) throw new UsageError('standard input has no addresses');
    return answers.exit;
  },

  text({ host, selected, options, log }) {
    const surroundings = new SurroundingsOf(host, selected.vm.mm);
    const reasons = new Warnings(log, "--json has them all, as 'message'");
    let count = 0;
    return {
      row({ digits, answer, wrong, page, gva, guestSteps, through }) {
        if (answer.state !== 'mapped') {
          const what = gva ?? digits ?? wrong?.name ?? '';
          reasons.add(what, () => `${what}: ${answer.message ?? answer.state}`);
        }
        const around = digits === null ? NOWHERE : surroundings.find(answer);
        const facts = page === null ? '' : `\n${pageParagraph(page)}`;
        const own = block(digits ?? printable(wrong?.text ?? '', 64), answer, around, options.style) + facts;
        const virtual = gva === null ? [] : [guestBlock(gva, digits, answer.state, guestSteps)];
        const outer = through.map(({ gfn, answer: next }) => outerBlock(digitsOfPage(gfn, next.offset), next));
        const made = [...virtual, ...(gva !== null && digits === null ? [] : [own]), ...outer].join('\n');
        return count++ === 0 ? made : `\n${made}`;
      },
      end() {
        reasons.end();
        return '';
      },
    };
  },
});

/** What --facts needs, which is loaded for it alone. */
async function pagesOf({ host, image, log }: HostGiven & { readonly log: Log }): Promise<PageRow> {
  const { PageRow } = await import('./page-row.js');
  return log.step('struct pages', () => new PageRow(host, image));
}

/** What --gva needs. */
async function virtualOf(
  selected: Selected,
  space: GuestSpace,
  options: Values<typeof virtualOptions>,
): Promise<GuestVirtual> {
  await loadKernelCodecs();
  const { virtualMemory } = await import('./guest-memory.js');
  return virtualMemory(selected, space, options);
}

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
  values: {
    process,
    vm,
    addressSpace: space,
    style: 'crash',
    gfn: false,
    facts: false,
    gva: false,
    vcpu: null,
    cr3: null,
    gtask: null,
  },
  words,
  inner: [],
});
