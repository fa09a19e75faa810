// SPDX-License-Identifier: Apache-2.0
// The page of scan --html.
import { basename, resolve } from 'node:path';
import { UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { oneLine } from '../core/one-line.js';
import { assetsOf } from '../html/assets.js';
import type { ReportDump, ReportVm } from '../html/report-format.js';
import { reportPage } from '../html/report-page.js';
import type { Heading } from '../html/shell.js';
import type { DumpResults } from '../scan/dump-results.js';
import { PictureFolder } from '../scan/pictures.js';
import type { Store } from '../scan/store.js';
import { writePieces } from '../write/pieces.js';
import { checkTarget, type Target } from '../write/target.js';
import type { DumpRow } from './dump-rows.js';
import { statesOf } from './map-text.js';

/** What the page of a scan is made of. */
export interface ReportAsked {
  readonly path: string;
  readonly force: boolean;
  /** Whether a picture of each VM is wanted. */
  readonly hasPictures: boolean;
  /** The command lines that were run; null if they are not known. */
  readonly runs: readonly (readonly string[])[] | null;
  /** The files of the dumps. */
  readonly inputs: readonly string[];
  /** Where the results are written, too. */
  readonly output: string | null;
}

/** The page, which is written when all dumps are done. */
export class Report {
  readonly #asked: ReportAsked;
  readonly #target: Target;
  readonly #pictures: PictureFolder | null;

  /** Checks that the page can be written, as far as possible before the work. Throws what `checkTarget` throws. */
  constructor(asked: ReportAsked) {
    const { path, force, output, hasPictures, runs } = asked;
    if (output !== null && resolve(output) === resolve(path)) throw new UsageError(`${path}: both --html and -o`);
    if (hasPictures && runs?.some(([name]) => name === 'vms') !== true)
      throw new UsageError('--pictures needs --run vms: a picture is drawn of each VM that it lists');
    this.#asked = asked;
    this.#target = checkTarget(path, force, asked.inputs);
    this.#pictures = hasPictures ? new PictureFolder(this.#target.path, force) : null;
  }

  /** The folder for results, if they are not written elsewhere. */
  get parts(): string {
    return `${this.#target.path}.parts`;
  }

  /** Where pictures are written while the scan runs; null if none are wanted. */
  get pictures(): string | null {
    return this.#pictures === null ? null : resolve(this.#pictures.drafts);
  }

  /** Makes the folder for pictures. Results whose pictures are gone are forgotten. */
  open(store: Store): void {
    if (this.#pictures?.open() === false) store.forget();
  }

  /** Writes the page of some dumps, in their order, and reports it. `others`: how many records there are of kinds that it does not show. */
  async write(
    results: Iterable<DumpResults>,
    log: Log,
    others: ReadonlyMap<string, number> = new Map(),
  ): Promise<void> {
    const used = new Set<string>();
    const counts = new Map(others);
    let count = 0;
    const pages = reportPage(
      {
        heading: (dumps) => {
          count = dumps;
          return this.#heading(dumps);
        },
        dumps: this.#dumps(results, used, counts),
        notes: () => notesOf(counts),
      },
      assetsOf('report'),
    );
    const bytes = await writePieces(this.#target, pages);
    this.#pictures?.finish((name) => used.has(name));
    const pictures = this.#pictures === null ? '' : `, ${used.size} ${used.size === 1 ? 'picture' : 'pictures'}`;
    log.note(`${oneLine(this.#asked.path)}: ${count} ${count === 1 ? 'dump' : 'dumps'}${pictures}, ${bytes} bytes`);
  }

  #heading(dumps: number): Heading {
    const { runs } = this.#asked;
    return {
      title: `Scan of ${dumps.toLocaleString('en-US')} ${dumps === 1 ? 'dump' : 'dumps'}`,
      facts: [
        ...(runs === null ? [] : [['Asked', runs.map((words) => words.join(' ')).join('; ')] as const]),
        ['Written', `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`],
        ['Made by', `kvm-vtop ${assetsOf('report').version}`],
      ],
    };
  }

  *#dumps(results: Iterable<DumpResults>, used: Set<string>, others: Map<string, number>): Generator<ReportDump> {
    for (const { id, record, lines } of results) {
      const urlOf = (kvm: string): string | null => {
        const url = id === null ? null : (this.#pictures?.urlOf(id, kvm) ?? null);
        if (url !== null) used.add(basename(url));
        return url;
      };
      yield dumpOf(rowOf(record, ['files', 'problems']) as DumpRow, guestsOf(lines, urlOf, others));
    }
  }
}

/** A dump in the page. */
export const dumpOf = (row: DumpRow, guests: readonly ReportVm[]): ReportDump => ({
  dump: row.dump,
  files: row.files.length > 1 ? row.files : [],
  size: row.size,
  mtime: row.mtime,
  format: row.format,
  release: row.release,
  buildId: row.buildId,
  node: row.node,
  crashTime: row.crashTime,
  panic: row.panic,
  vms: row.vms,
  status: row.status,
  error: row.error,
  seconds: row.seconds,
  peakMemory: row.peakMemory,
  problems: row.problems,
  guests,
});

/** What is read of a record of vms. */
interface VmRecord extends Pick<ReportVm, 'kvm' | 'pid' | 'name' | 'uuid' | 'memory' | 'vcpus' | 'type' | 'problems'> {
  readonly creator: { readonly pid: number; readonly comm: string | null } | null;
  readonly holders: readonly { readonly pid: number; readonly comm: string }[];
}

/** What is read of the totals of map; kvm is null in those of a process. */
interface TotalRecord {
  readonly kvm: string | null;
  readonly pid: number;
  readonly addressSpace: number | null;
  readonly bytes: number;
  readonly states: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** A record. Results can come from elsewhere: throws `UsageError` if it is not whole, or has no lists with these names. */
function rowOf(line: string, lists: readonly string[]): unknown {
  try {
    const row = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (lists.every((name) => Array.isArray(row[name]))) return row;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UsageError(`a record is not complete, or of another version of kvm-vtop: ${oneLine(line.slice(0, 200))}`);
}

/** The VMs of a dump, from the records of vms and the totals of map. Counts the other records by kind. */
function guestsOf(
  lines: Iterable<string>,
  urlOf: (kvm: string) => string | null,
  others: Map<string, number>,
): ReportVm[] {
  const vms = new Map<string, ReportVm>();
  for (const line of lines) {
    const [, record = ''] = /^\{"record":"([^"]*)"/.exec(line) ?? [];
    if (record === 'vm') {
      const vm = rowOf(line, ['holders', 'problems']) as VmRecord;
      vms.set(vm.kvm, { ...vmOf(vm, urlOf(vm.kvm)), states: vms.get(vm.kvm)?.states ?? null });
      continue;
    }
    const total = record === 'total' ? (rowOf(line, ['problems']) as Partial<TotalRecord>) : null;
    if (total !== null && isOfVm(total)) vms.set(total.kvm, withTotal(vms.get(total.kvm), total));
    else others.set(record, (others.get(record) ?? 0) + 1);
  }
  return [...vms.values()];
}

const vmOf = (
  { kvm, pid, name, uuid, memory, vcpus, type, problems, creator, holders }: VmRecord,
  picture: string | null,
): ReportVm => ({
  kvm,
  pid,
  name,
  uuid,
  comm: holders.find((each) => each.pid === pid)?.comm ?? (creator?.pid === pid ? creator.comm : null),
  memory,
  vcpus,
  type,
  states: null,
  problems,
  picture,
});

/** Whether this is the total of the normal address space of a VM. Other commands have totals with other members. */
const isOfVm = (total: Partial<TotalRecord>): total is TotalRecord & { readonly kvm: string } =>
  total.kvm != null && total.addressSpace === 0 && total.states !== undefined && total.reasons !== undefined;

function withTotal(vm: ReportVm | undefined, total: TotalRecord & { readonly kvm: string }): ReportVm {
  const { kvm, pid, states, reasons, problems } = total;
  const known: ReportVm = vm ?? {
    ...{ kvm, pid, name: null, uuid: null, comm: null, memory: null, vcpus: null, type: null, states: null },
    ...{ problems: [], picture: null },
  };
  return {
    ...known,
    states: statesOf({ states: Object.entries(states), reasons: Object.entries(reasons) }),
    problems: [...new Set([...known.problems, ...problems])],
  };
}

/** Says which records are not in the page. */
function notesOf(others: ReadonlyMap<string, number>): string[] {
  if (others.size === 0) return [];
  const counts = [...others].map(([record, count]) => `${count.toLocaleString('en-US')} of ${record}`);
  return [`Records that are not in this page: ${counts.join(', ')}. scan -o writes all.`];
}
