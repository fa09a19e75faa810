// SPDX-License-Identifier: Apache-2.0
// A guest's physical memory in the place of a dump, so that its kernel can be read like that of any machine.
import type { Pfn } from '../core/address.js';
import { orNull } from '../core/errors.js';
import type { FrameGap, Live } from '../core/memory.js';
import { printable } from '../core/text.js';
import { DumpImage, type PageReader, type Problem } from '../dump/image.js';
import type { Note } from '../elf/notes.js';
import { type NoteRegisters, type NoteSegment, qemuNote } from '../elf/qemu-note.js';
import type { Selected } from '../kvm/select.js';
import { type GuestVcpu, vcpusOfVm } from '../kvm/vcpus/read.js';
import { SEGMENTS, type Segment, type SegmentName } from '../kvm/vcpus/registers.js';
import { differ } from './contents.js';
import type { GuestSpace } from './guest-space.js';
import { type Gap, isGap } from './space.js';
import { guestSpaceOf } from './spaces.js';

/** The memory of a VM as the memory of a machine. */
export function guestImage({ vm, pid }: Selected, name: string): DumpImage {
  const space = guestSpaceOf(vm, 0);
  const vcpus = orNull(() => vcpusOfVm(vm.kvm, vm.address)) ?? [];
  return new DumpImage(
    name,
    new GuestReader(space, notesOf(vcpus), `memory of the VM of pid ${pid}`, vm.kvm.host.frames.live),
  );
}

/**
 * A note for each vCPU whose page tables are known; not for one in System Management Mode, which has others. Of a vCPU that ran a
 * guest of the guest, only the control registers are the guest's own.
 */
const notesOf = (vcpus: readonly GuestVcpu[]): readonly Note[] =>
  vcpus
    .filter(({ paging, smm }) => paging.cr3 !== null && smm === false)
    .map(({ registers, paging, nestedGuest }) =>
      qemuNote(nestedGuest === true ? paging : { ...noteRegisters(registers), ...paging }),
    );

/** Registers in the terms of QEMU's note, where access rights are those of a descriptor. */
export function noteRegisters(registers: GuestVcpu['registers']): NoteRegisters {
  const { gdtr, idtr } = registers;
  const table = (each: typeof gdtr) => each && { ...each, selector: 0, flags: 0 };
  const segments = Object.fromEntries(SEGMENTS.map((name) => [name, noteSegment(registers[name])]));
  return {
    ...registers,
    ...(segments as Record<SegmentName, NoteSegment | null>),
    gdtr: table(gdtr),
    idtr: table(idtr),
  };
}

const noteSegment = (segment: Segment | null): NoteSegment | null =>
  segment && { ...segment, flags: (segment.attributes << 8) >>> 0 };

/** Reads the pages of a guest. */
class GuestReader implements PageReader {
  readonly vmcoreinfo = null;
  readonly physBase = null;
  readonly problems: readonly Problem[];
  readonly forget: (() => void) | undefined;
  readonly #space: GuestSpace;

  constructor(
    space: GuestSpace,
    readonly notes: readonly Note[],
    readonly description: string,
    live: Live | undefined,
  ) {
    const { missing } = space.slots;
    this.#space = space;
    this.forget =
      live &&
      (() => {
        live.forget();
      });
    this.problems = missing === null ? [] : [{ message: `memslots may be missing: ${printable(missing, 4096)}` }];
  }

  get limit(): number {
    return this.#space.limit;
  }

  page(frame: Pfn): DataView | FrameGap {
    const bytes = this.#space.bytes(frame);
    return isGap(bytes) ? frameGapOf(bytes) : bytes;
  }

  gapEnd(frame: Pfn, end: number): number {
    const [run] = this.#space.runs(frame, end);
    // Frames of the host that are missing can be followed by others.
    return run === undefined ? end : differ(run) ? frame + 1 : frame + run.pages;
  }

  *present(): Generator<Pfn> {
    const space = this.#space;
    for (const { first, pages } of space.slots.slots)
      for (const run of space.runs(first, first + pages)) {
        if (!differ(run)) continue;
        const { page } = run;
        for (let i = 0; i < run.pages; i++) if (!isGap(space.bytes(page + i))) yield (page + i) as Pfn;
      }
  }
}

const OF_DUMPS: readonly Gap['reason'][] = ['excluded', 'outside', 'cut-off', 'undecodable', 'unreadable'];

/** Why a guest has no bytes of a page, in the terms of dumps. */
export function frameGapOf({ reason, message, remedies }: Gap): FrameGap {
  const why = reason === 'no-slot' || reason === 'beyond-physical' ? 'outside' : reason;
  const known = OF_DUMPS.includes(why) ? (why as FrameGap['reason']) : 'absent';
  return { reason: known, message, ...(remedies === undefined ? {} : { remedies }) };
}
