// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { loadKernelCodecs } from '../codecs/index.js';
import { PAGE_SIZE } from '../core/address.js';
import { UsageError } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { size } from '../report/table.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import { pagesOf, pieces } from '../spaces/reading.js';
import type { Gap } from '../spaces/space.js';
import { guestSpaceOf } from '../spaces/spaces.js';
import type { ExtractedPiece, ExtractSource } from '../write/extraction.js';
import { type FrameRun, KdumpSink } from '../write/kdump-sink.js';
import { continueMemoryFile, type MemoryFile, writeMemoryFile } from '../write/memory-file.js';
import { type Begun, ElfSink, LimeSink, type MemorySink, MOST_SEGMENTS, RawSink } from '../write/memory-sinks.js';
import { checkTarget, type Target } from '../write/target.js';
import { type Context, command, type VmGiven } from './command.js';
import { aboutGuest, type GuestAbout } from './extract-notes.js';
import { Missing } from './missing.js';
import { chosen, flag, output } from './options.js';
import { Sources } from './sources.js';

const FORMATS = ['elf', 'lime', 'raw', 'kdump'] as const;
type Format = (typeof FORMATS)[number];

const options = {
  ...output,
  format: chosen(
    'format',
    'format of the file: an ELF core file, LiME, the bytes alone (a hole where memory is missing), or kdump-compressed',
    FORMATS,
  ),
  resume: flag('continue what an interrupted run of the same command has left, and leave what can be continued'),
};
type ExtractContext = Context<typeof options, unknown> & VmGiven;

/** Writes the memory of a guest as a file. */
export const extract = command({
  name: 'extract',
  summary: "write a guest's memory as a dump of its own",
  description:
    "Writes a guest's physical memory, as far as the dump has it, as a file that other programs open as the dump of a machine, with the registers of the vCPUs and, if the guest runs Linux, its VMCOREINFO.",
  needs: 'vm',
  args: null,
  options,
  records: [],
  csv: false,
  notes: [
    'Memory that is not in the dump is in no segment of an ELF or LiME file, and is marked as left out in a kdump file. In a raw file it is a hole, which reads as zeros; what is missing is reported at the end, and in a note of the ELF file (kvm-vtop missing).',
    `An ELF file with more than ${MOST_SEGMENTS} segments is only read by programs that know PN_XNUM: then the formats lime and kdump are the better choice.`,
    'The file has its name only when it is complete. An existing file is only overwritten with --force.',
    'With --guest the memory of a guest is read in place, without a file.',
  ],
  examples: [
    { line: 'extract -c vmcore -g alpha -o alpha.elf' },
    { line: 'extract -c vmcore -g alpha -o alpha.kdump --format kdump --resume' },
  ],
  exit: {
    0: 'all memory was written',
    1: 'the file was written, but some memory is not in the dump',
    2: 'the file was not written',
  },

  async *run(context) {
    const { selected, options: given, inputs, log } = context;
    const { output: path, format } = given;
    if (path === null) throw new UsageError('-o is missing: the file to write; see extract --help');
    const target = checkTarget(path, given.force, inputs);
    await loadKernelCodecs();
    const space = guestSpaceOf(selected.vm, 0);
    if (space.slots.missing !== null) log.warn(`memory may be missing: ${space.slots.missing}`);
    const about = aboutGuest(selected, log);
    const missing = new Missing();
    const sources = new Sources();
    const source = sourceOf(context, space, about, { missing, sources });
    const made = await log.stepAsync('extract', () => written(context, target, source));
    if (made.written.length === 0) log.warn('no memory of the guest is in the dump');
    if (format === 'elf' && made.written.length > MOST_SEGMENTS) warnOfSegments(context, made.written.length);
    sources.report(log);
    for (const line of missing.lines()) log.warn(line);
    yield summary(target, made, about);
    return missing.bytes === 0 && space.slots.missing === null ? 0 : 1;
  },

  text: () => ({ row: (text: string) => text }),
});

function warnOfSegments({ log }: ExtractContext, segments: number): void {
  log.warn(
    `the file has ${segments} segments; programs that do not know PN_XNUM (crash, Volatility) read a part of them, or none: --format lime or kdump`,
  );
}

function written(context: ExtractContext, target: Target, source: ExtractSource): Promise<MemoryFile> {
  const { options: given, log } = context;
  if (!given.resume) return writeMemoryFile(target, source);
  return continueMemoryFile(target, source, keyOf(context), (next) => {
    log.note(`continuing at guest physical address ${(next * PAGE_SIZE).toString(16)}`);
  });
}

/** Identifies what is written: the dump, by its memory's own facts, the VM, and the format. */
function keyOf({ selected, host, image, options: { format } }: ExtractContext): string {
  const { description, physBase } = image.reader;
  const facts = [host.info.source, description, `${physBase}`, `${image.limit}`, `${selected.vm.address}`, format];
  return createHash('sha256').update(facts.join('\0')).digest('hex');
}

/** What is counted on the way. */
interface Counts {
  readonly missing: Missing;
  readonly sources: Sources;
}

function sourceOf(
  { options: { format }, log }: ExtractContext,
  space: GuestSpace,
  about: GuestAbout,
  counts: Counts,
): ExtractSource {
  const memory = joined(space.slots.slots.map(({ first, pages }) => ({ first, pages })));
  return {
    memory,
    pieces: (from) => piecesOf(space, memory, from, counts),
    onMissed(runs) {
      const pages = pagesOf(space);
      for (const { first, pages: count } of runs)
        for (const { page, length, gap } of pieces(pages, first, 0, count * PAGE_SIZE))
          counts.missing.add(page, length / PAGE_SIZE, gap ?? NOT_READ);
    },
    sink: (descriptor, begun) => sinkOf(format, descriptor, begun, memory, about),
    notes: () => [...about.notes, { name: 'kvm-vtop missing', type: 0, desc: Buffer.from(counts.missing.text()) }],
    onProgress: (done) => {
      log.tick(done);
    },
  };
}

/** Why pages are missing that the interrupted run could not read, although they can be read now. */
const NOT_READ: Gap = {
  reason: 'unreadable',
  message: 'the run that was interrupted could not read it; a run without --resume can',
};

function* piecesOf(
  space: GuestSpace,
  memory: readonly FrameRun[],
  from: number,
  { missing, sources }: Counts,
): Generator<ExtractedPiece> {
  const pages = pagesOf(space);
  for (const { first, pages: count } of memory) {
    const start = Math.max(first, from);
    const end = first + count;
    if (start >= end) continue;
    for (const piece of pieces(pages, start, 0, (end - start) * PAGE_SIZE)) {
      const { page, length, bytes, gap } = piece;
      sources.add(piece);
      if (gap !== null) missing.add(page, length / PAGE_SIZE, gap);
      yield { page, pages: length / PAGE_SIZE, bytes };
    }
  }
}

function sinkOf(
  format: Format,
  descriptor: number,
  begun: Begun | null,
  memory: readonly FrameRun[],
  about: GuestAbout,
): MemorySink {
  if (format === 'elf') return new ElfSink(descriptor, begun);
  if (format === 'lime') return new LimeSink(descriptor, begun);
  if (format === 'raw') return new RawSink(descriptor, begun);
  const last = memory.at(-1);
  const most = memory.reduce((sum, { pages }) => sum + pages, 0);
  const limit = last === undefined ? 1 : last.first + last.pages;
  const { uts, physBase, notes } = about;
  const count = begun?.written.reduce((sum, { pages }) => sum + pages, 0) ?? 0;
  return new KdumpSink(
    descriptor,
    { uts, physBase, notes, limit, most, isExact: false, level: 0, compression: FAST },
    { position: begun?.position ?? null, count },
  );
}

const FAST = 1;

/** Runs that follow each other as one. Slots are ascending, and do not overlap. */
function joined(runs: readonly FrameRun[]): FrameRun[] {
  const made: { first: number; pages: number }[] = [];
  for (const { first, pages } of runs) {
    const last = made.at(-1);
    if (last !== undefined && last.first + last.pages === first) last.pages += pages;
    else made.push({ first, pages });
  }
  return made;
}

function summary({ path }: Target, { written: runs, size: bytes }: MemoryFile, { release }: GuestAbout): string {
  const pages = runs.reduce((sum, run) => sum + run.pages, 0);
  const kernel = release === null ? 'its kernel is not known' : `Linux ${release}`;
  return `${oneLine(path)}: ${size(pages * PAGE_SIZE)} in ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}, ${bytes} bytes; ${kernel}\n`;
}
