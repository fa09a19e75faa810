// SPDX-License-Identifier: Apache-2.0
import { gfn } from '../core/address.js';
import { UsageError } from '../core/errors.js';
import type { AskedAddress } from '../core/text.js';
import { vendorModule } from '../kvm/about.js';
import { type MmuRoot, mmuRoots } from '../kvm/mmu/roots.js';
import { EPT, isLost, type Leaf, type LostTable, npt as nptForm, SecondLevel } from '../paging/second-level.js';
import { digitsOfPage } from '../report/hex.js';
import { kinds } from '../report/records.js';
import { size, table } from '../report/table.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import { guestSpaceOf } from '../spaces/spaces.js';
import { addresses } from './addresses.js';
import { BadLine, type Context, command, type VmGiven } from './command.js';
import { type NptRow, type NptTotalRow, npts, nptTotals } from './npt-rows.js';
import { addressSpace } from './options.js';

const options = { addressSpace };

/** Compares KVM's own page tables with the memslots. */
export const npt = command({
  name: 'npt',
  summary: "compare KVM's own page tables with the memslots",
  description:
    "Translates guest physical addresses through the page tables that the processor used (nested page tables on AMD's processors, extended page tables on Intel's), and compares them with what the memslots and the page tables of the process say. Without addresses, compares all pages that they map.",
  needs: 'vm',
  args: { ...addresses, number: 'any', missing: '' },
  options,
  records: kinds(npts, nptTotals),
  csv: true,
  aside: (row) => (row.record === 'total' ? totalText(row) : ''),
  notes: [
    "KVM fills these tables when the guest touches a page, and empties them when it has to: a page that they do not map says nothing. They are a second way to a host physical address, without the process's page tables. Without addresses, only pages that do not agree are listed, and a total.",
  ],
  examples: [{ line: 'npt -c vmcore -g alpha' }, { line: 'npt -c vmcore -g alpha 34de5840 --json' }],
  exit: {
    0: 'no page disagrees; with addresses: all of them are mapped and agree',
    1: 'pages disagree, tables are missing or damaged, or an address is not mapped',
    2: 'nothing was compared',
  },

  async *run(context) {
    const { asked, words } = await wordsOf(context);
    if (!asked && context.options.addressSpace !== 0)
      throw new UsageError(
        '--address-space needs addresses: without them the tables of all address spaces are compared',
      );
    const tables = new Tables(context);
    if (!asked) {
      yield tables.disagreements();
      const total = tables.total();
      yield [total];
      if (total.complete && total.mapped === 0) {
        context.log.warn("nothing was compared: KVM's page tables of this VM are empty");
        return 2;
      }
      return total.complete && total.disagreeing === 0 ? 0 : 1;
    }
    const rows = words.map((word) => tables.at(word));
    yield rows;
    return rows.every(({ agrees }) => agrees === true) ? 0 : 1;
  },

  text() {
    const rows = table<NptRow>([
      { heading: 'GUEST PHYSICAL', align: 'right', text: ({ page, offset }) => digitsOfPage(page, offset) },
      { heading: 'SIZE', align: 'right', text: ({ pages }) => (pages === 0 ? '' : size(pages * 4096)) },
      { heading: "BY KVM'S TABLES", align: 'right', text: ({ frame, offset }) => textOf(frame, offset) },
      { heading: 'LEVEL', align: 'right', text: ({ level }) => `${level ?? ''}` },
      { heading: 'THROUGH HVA', align: 'right', text: ({ through, offset }) => textOf(through.frame, offset) },
      { heading: 'STATE', text: ({ through }) => through.state },
      { heading: '', text: ({ agrees }) => (agrees === null ? '' : agrees ? 'agrees' : 'DIFFERS') },
    ]);
    return {
      row: (row: NptRow | NptTotalRow) =>
        row.record === 'npt' ? rows.row(row) : `${rows.end?.() ?? ''}${totalText(row)}\n`,
      end: () => rows.end?.() ?? '',
    };
  },
});

type NptContext = Context<typeof options, AskedAddress> & VmGiven;

async function wordsOf({ asked: groups }: NptContext): Promise<{ asked: boolean; words: readonly AskedAddress[] }> {
  const words: AskedAddress[] = [];
  let asked = false;
  for await (const group of groups) {
    asked = true;
    for (const word of group) {
      if (word instanceof BadLine) throw new UsageError(word.problem(addresses));
      words.push(word);
    }
  }
  if (asked && words.length === 0) throw new UsageError('standard input has no addresses');
  return { asked, words };
}

/** KVM's page tables of a VM, and its memslots. */
class Tables {
  readonly #of: Pick<NptRow, 'kvm' | 'pid'>;
  readonly #addressSpace: number;
  readonly #roots: readonly MmuRoot[];
  readonly #tables: SecondLevel;
  readonly #kind: 'NPT' | 'EPT';
  readonly #problems: string[];
  readonly #spaces: ReadonlyMap<number, GuestSpace>;
  #mapped = 0;
  #agreeing = 0;
  #disagreeing = 0;
  #isComplete = true;

  constructor({ host, selected, options: given, log }: NptContext) {
    const { vm, pid } = selected;
    this.#of = { kvm: vm.address, pid };
    this.#addressSpace = given.addressSpace;
    const { addressHigh } = host.memory.form;
    const form = vendorModule(host) === 'kvm_amd' ? nptForm(addressHigh) : EPT;
    this.#kind = form.name;
    const { roots, problems } = log.step('roots', () => mmuRoots(vm.kvm, vm.address));
    this.#roots = roots;
    this.#problems = [...problems];
    this.#tables = new SecondLevel(host.frames, form, addressHigh);
    const spaces = [...new Set([given.addressSpace, ...roots.map((root) => root.addressSpace)])];
    this.#spaces = new Map(spaces.map((space) => [space, guestSpaceOf(vm, space)]));
    log.found(`${form.name}: ${roots.length} roots`);
  }

  /** One address of the address space that was asked for. */
  at({ frame, offset, digits }: AskedAddress): NptRow {
    if (frame === null) throw new UsageError(`'${digits}' is not a guest physical address: it must be below 2^52`);
    const problems = [...this.#problems];
    let found: Leaf | null = null;
    for (const root of this.#roots) {
      if (root.addressSpace !== this.#addressSpace) continue;
      const leaf = this.#tables.find(root.frame, root.levels, frame);
      if (leaf !== null && isLost(leaf)) problems.push(lostText(leaf));
      else if (leaf !== null) found = leaf;
    }
    const own = found === null ? null : found.frame + (frame - found.page);
    return { ...this.#row(this.#addressSpace, frame, own, found?.level ?? null), offset, problems };
  }

  /** The runs of pages that do not agree. All pages are counted on the way. */
  *disagreements(): Generator<NptRow> {
    for (const { frame, levels, addressSpace: space } of this.#roots)
      for (const leaf of this.#tables.leaves(frame, levels)) {
        if (isLost(leaf)) this.#lose(lostText(leaf));
        else yield* this.#compare(space, leaf);
      }
  }

  #lose(why: string): void {
    this.#isComplete = false;
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push(why);
  }

  *#compare(space: number, { page, pages, frame, level }: Leaf): Generator<NptRow> {
    this.#mapped += pages;
    const guest = this.#spaces.get(space) as GuestSpace;
    for (const run of guest.runs(page, page + pages)) {
      const own = frame + (run.page - page);
      const agrees = agreement(own, run);
      if (agrees === true) this.#agreeing += run.pages;
      if (agrees === null && LOST.has(run.state))
        this.#lose(`pages from guest physical address ${digitsOfPage(run.page, 0)} on: ${run.message ?? run.state}`);
      if (agrees !== false) continue;
      this.#disagreeing += run.pages;
      const through = { frame: run.state === 'mapped' ? run.frame : null, state: run.state };
      yield {
        record: 'npt',
        ...this.#of,
        addressSpace: space,
        page: run.page,
        offset: 0,
        pages: run.pages,
        frame: own,
        level,
        through,
        agrees,
        problems: [],
      };
    }
  }

  #row(space: number, page: number, own: number | null, level: number | null): NptRow {
    const answer = (this.#spaces.get(space) as GuestSpace).page(gfn(page));
    const through = { frame: answer.state === 'mapped' ? answer.frame : null, state: answer.state };
    const agrees = own === null ? null : agreement(own, answer);
    return {
      record: 'npt',
      ...this.#of,
      addressSpace: space,
      page,
      offset: 0,
      pages: 0,
      frame: own,
      level,
      through,
      agrees,
      problems: [],
    };
  }

  total(): NptTotalRow {
    const [mapped, agreeing, disagreeing] = [this.#mapped, this.#agreeing, this.#disagreeing].map(
      (pages) => pages * 4096,
    ) as [number, number, number];
    const complete = this.#isComplete && this.#problems.length === 0;
    return {
      record: 'total',
      ...this.#of,
      kind: this.#kind,
      roots: this.#roots.length,
      mapped,
      agreeing,
      disagreeing,
      complete,
      problems: this.#problems,
    };
  }
}

const MOST_PROBLEMS = 100;

/** Whether a frame is the one of an answer; null if it is not known where the page is. */
function agreement(
  frame: number,
  { state, frame: other }: { readonly state: string; readonly frame: number | null },
): boolean | null {
  if (UNKNOWN.has(state)) return other === null ? null : frame === other;
  return state === 'mapped' && frame === other;
}

/** States in which the process's page tables do not say whether the page is somewhere. */
const UNKNOWN = new Set(['guest-memfd', 'table-missing', 'slots-missing', 'damaged']);
/** The ones among them in which something in the dump is missing or damaged. */
const LOST = new Set(['table-missing', 'slots-missing', 'damaged']);

const lostText = ({ frame, level, page, isLoop }: LostTable): string =>
  `pages from guest physical address ${digitsOfPage(page, 0)} on: the table of level ${level} at ${digitsOfPage(frame, 0)} ${isLoop ? 'is reached twice' : 'is not in the dump'}`;

const textOf = (frame: number | null, offset: number): string => (frame === null ? '-' : digitsOfPage(frame, offset));

const totalText = ({ kind, roots, mapped, agreeing, disagreeing }: NptTotalRow): string =>
  `${kind}, ${roots} ${roots === 1 ? 'root' : 'roots'}: ${size(mapped)} mapped, ${size(agreeing)} agree, ${size(disagreeing)} differ`;
