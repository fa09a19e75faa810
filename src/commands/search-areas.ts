// SPDX-License-Identifier: Apache-2.0
import { greatest, least } from '../core/bigints.js';
import { UsageError } from '../core/errors.js';
import type { AskedRange } from '../core/text.js';
import type { Selected } from '../kvm/select.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import type { GuestVirtual } from '../spaces/guest-virtual.js';
import { type Pages, pagesOf } from '../spaces/reading.js';
import { guestSpaceOf, mmSpaceOf } from '../spaces/spaces.js';
import { VmaAreas } from '../spaces/vma-areas.js';
import { type Chosen, needMemory, virtualMemory } from './guest-memory.js';
import type { PlaceIn } from './search-rows.js';

/** Bytes `first` to `end` - 1. */
export interface Area {
  readonly first: bigint;
  readonly end: bigint;
}

/** The addresses of a byte. */
export interface Places {
  readonly gva: PlaceIn | null;
  readonly gpa: PlaceIn | null;
  readonly hva: PlaceIn | null;
  readonly hpa: PlaceIn | null;
}

/** Memory that is searched. */
export interface Searched {
  readonly memory: Pages;
  /** The parts that are searched, ascending; none touches another. */
  readonly areas: readonly Area[];
  /** Why other parts may be missing; null if none is. */
  readonly missing: string | null;
  /** All addresses of a byte of it. */
  readonly places: (page: number, offset: number) => Places;
}

const PAGE = 4096n;
const ALL: Area = { first: 0n, end: 2n ** 64n };

/** The memory that the options choose: `ranges` of it, or all. Throws what `memoryOf` throws, and `UsageError` for ranges above 2^64. */
export function searched(selected: Selected, given: Chosen, ranges: readonly AskedRange[] | null): Searched {
  needMemory(given);
  const asked = ranges?.map(areaOfRange) ?? null;
  if (given.hva) return ofProcess(selected, asked ?? [ALL]);
  const space = guestSpaceOf(selected.vm, given.addressSpace);
  return given.gva ? ofVirtual(space, virtualMemory(selected, space, given), asked) : ofGuest(space, asked ?? [ALL]);
}

function areaOfRange({ first, last }: AskedRange): Area {
  if (last < ALL.end) return { first, end: last + 1n };
  throw new UsageError(`the range ${first.toString(16)}-${last.toString(16)} reaches above 2^64`);
}

function ofGuest(space: GuestSpace, asked: readonly Area[]): Searched {
  const { slots, missing } = space.slots;
  const parts = slots.map(({ first, pages }) => areaOf(first, first + pages));
  return {
    memory: pagesOf(space),
    areas: within(joined(parts), asked),
    missing,
    places: (page, offset) => ({ gva: null, ...guestPlaces(space, page, offset) }),
  };
}

function ofVirtual(space: GuestSpace, memory: GuestVirtual, asked: readonly Area[] | null): Searched {
  if (asked === null) throw new UsageError('--gva needs ranges: what the guest maps is not searched as a whole');
  return {
    memory,
    areas: joined(asked),
    missing: space.slots.missing,
    places(page, offset) {
      const { frame, fault } = memory.walk(page);
      const gva = { page, offset };
      if (fault !== null || frame === null) return { gva, gpa: null, hva: null, hpa: null };
      return { gva, ...guestPlaces(space, frame, offset) };
    },
  };
}

function ofProcess({ vm }: Selected, asked: readonly Area[]): Searched {
  const space = mmSpaceOf(vm.kvm.host, vm.mm);
  const { parts, missing } = new VmaAreas(vm.kvm.host, vm.mm, 0n, BigInt(space.limit));
  return {
    memory: pagesOf(space),
    areas: within(joined(parts.map(({ first, end }) => areaOf(first, end))), asked),
    missing,
    places(page, offset) {
      const { state, frame } = space.page(page);
      return { gva: null, gpa: null, hva: { page, offset }, hpa: state === 'mapped' ? placeOf(frame, offset) : null };
    },
  };
}

function guestPlaces(space: GuestSpace, page: number, offset: number): Omit<Places, 'gva'> {
  const { hva, state, frame } = space.page(page);
  return { gpa: { page, offset }, hva: placeOf(hva, offset), hpa: state === 'mapped' ? placeOf(frame, offset) : null };
}

const placeOf = (page: number | null, offset: number): PlaceIn | null => (page === null ? null : { page, offset });

const areaOf = (first: number, end: number): Area => ({ first: BigInt(first) * PAGE, end: BigInt(end) * PAGE });

/** The same bytes as ascending areas of which none touches another. */
function joined(areas: readonly Area[]): Area[] {
  const made: { first: bigint; end: bigint }[] = [];
  for (const { first, end } of [...areas].sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const last = made.at(-1);
    if (last !== undefined && first <= last.end) last.end = greatest(last.end, end);
    else made.push({ first, end });
  }
  return made;
}

/** The bytes of areas that are in others. */
function within(areas: readonly Area[], asked: readonly Area[]): Area[] {
  const limits = joined(asked);
  return areas.flatMap((area) =>
    limits.flatMap((limit) => {
      const first = greatest(area.first, limit.first);
      const end = least(area.end, limit.end);
      return first < end ? [{ first, end }] : [];
    }),
  );
}
