import { orNull, UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { VmaNames } from '../kernel/vma-names.js';
import { kinds, type RowWriter } from '../report/records.js';
import { table } from '../report/table.js';
import { NOWHERE, processBlock } from '../report/text.js';
import type { PlacedRun } from '../spaces/placed-runs.js';
import { SurroundingsOf } from '../translate/surroundings.js';
import { command } from './command.js';
import { Asked, addresses, options } from './hva-answers.js';
import { hvas } from './hva-rows.js';
import { RunRow, runs, TotalRow, totals } from './map-rows.js';
import { found, rangeOf, stateOf, totalText } from './map-text.js';
import { Warnings } from './problems.js';

/** Translates virtual addresses of any process. */
export const hva = command({
  name: 'hva',
  summary: 'translate virtual addresses of a process',
  description:
    'Translates virtual addresses of any process of the host to host physical addresses, or lists ranges of its memory as runs of pages. The host need not run KVM.',
  needs: 'process',
  args: addresses,
  options,
  records: kinds(hvas, runs, totals),
  csv: false,
  notes: [
    'For an address, the text is that of the vtop command of crash. For ranges and --all, the pages of the mappings are listed as runs, as by map, with totals; addresses in no mapping are only counted.',
    'The answers are those of the page tables. Memory of a guest that is in a guest_memfd is not reached through them.',
  ],
  examples: [
    { line: 'hva -c vmcore -g 1234 7f5763e01840' },
    { line: 'hva -c vmcore -g 1234 7f5763e00000-7f5763ffffff --json', note: 'a range, as JSON' },
    { line: 'hva -c vmcore -g 1234 --all', note: 'all its memory, totals first' },
  ],
  exit: {
    0: 'every address has a host physical address, and ranges are complete',
    1: 'some addresses have no host physical address, or gaps or damage in the dump hide pages of a range',
    2: 'nothing was answered',
  },

  async *run(context) {
    const { options: given, words, log, form } = context;
    const asked = new Asked(context);
    if (given.all) {
      if (words.length > 0) throw new UsageError('--all and addresses exclude each other');
      return yield* asked.whole(form === 'text');
    }
    let count = 0;
    let isAsked = false;
    for await (const group of context.asked) {
      isAsked = true;
      count += group.length;
      yield asked.answers(group);
    }
    if (count === 0)
      throw new UsageError(
        isAsked ? 'standard input has no addresses' : 'addresses are missing: name some, or use --all',
      );
    const total = asked.total();
    if (total !== null) yield [total];
    log.found(`${count} addresses and ranges`);
    return asked.exit;
  },

  text({ host, process, log }) {
    const surroundings = new SurroundingsOf(host, process.mm);
    const reasons = new Warnings(log, "--json has them all, as 'message'");
    const runTable = (): RowWriter<RunRow> => tableOf(new VmaNames(host, process.mm));
    let ranges: RowWriter<RunRow> | null = null;
    let isFirst = true;
    const apart = (text: string): string => {
      const rows = ranges?.end?.() ?? '';
      ranges = null;
      const space = isFirst ? '' : '\n';
      isFirst = false;
      return `${rows}${space}${text}`;
    };
    return {
      row(row) {
        if (row instanceof TotalRow) return apart(totalText(row));
        if (row instanceof RunRow) {
          const start = ranges === null ? apart('') : '';
          ranges ??= runTable();
          return `${start}${ranges.row(row) as string}`;
        }
        const { digits, wrong, answer } = row;
        const what = digits ?? wrong?.name ?? '';
        if (answer.state !== 'mapped') reasons.add(what, () => `${what}: ${answer.message ?? answer.state}`);
        const around = digits === null ? NOWHERE : surroundings.find(answer);
        return apart(processBlock(digits ?? printable(wrong?.text ?? '', 64), answer, around));
      },
      end() {
        reasons.end();
        return ranges?.end?.() ?? '';
      },
    };
  },
});

const tableOf = (names: VmaNames): RowWriter<RunRow> =>
  table<RunRow>([
    { heading: 'VIRTUAL', align: 'right', text: ({ run }) => rangeOf(run.page, run.pages) },
    ...found,
    { heading: 'STATE', text: stateOf },
    { heading: 'MAPPING', text: ({ run }) => mappingOf(run, names) },
  ]);

function mappingOf({ vma }: PlacedRun, names: VmaNames): string {
  return vma === null ? '(no mapping)' : printable(orNull(() => names.nameOf(vma)) ?? '', 4096);
}
