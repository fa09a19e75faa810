// SPDX-License-Identifier: Apache-2.0
// What a recorded host's kernel said of every page of a VM, as stretches of pages: what `map` must say, without its cuts.
import { hex } from './recorded-host.mjs';

/** @import { Machine, Page, RecordedHost } from './recorded-host.mjs' */

/**
 * Pages that follow each other in every respect. `words`: the state, and what is the same for all of them. `place`: the
 * HPA, or the offset in swap, or the frame of the first page, which counts up by `step` a page; null if there is none.
 *
 * @typedef {{ gpa: bigint, hva: bigint, pages: number, words: string, place: bigint | null, step: bigint }} Stretch
 */
/** A NUMA node's range of frames, from a zone. @typedef {{ node: number, first: bigint, frames: bigint }} Zone */
/** What was done to a part of the VM `states`. @typedef {{ gpa: bigint, bytes: bigint, kind: string, frames: bigint[] }} Made */

const PAGE = 4096n;
// Documentation/admin-guide/mm/pagemap.rst: bits of /proc/PID/pagemap, then of /proc/kpageflags.
const PRESENT = 1n << 63n;
const SWAPPED = 1n << 62n;
const FRAME = (1n << 55n) - 1n;
const HUGE = 1n << 17n;
const THP = 1n << 22n;
const TYPE_BITS = 5n;
const TYPE = (1n << TYPE_BITS) - 1n;
const [SMALL, MIDDLE, LARGE] = ['4096', '2097152', '1073741824'];

/** Page sizes of what was made with one. @type {Readonly<Record<string, string>>} */
const SIZES = {
  thp: MIDDLE,
  'thp-protnone': MIDDLE,
  'huge-zero': MIDDLE,
  hugetlb: MIDDLE,
  'hugetlb-protnone': MIDDLE,
  'thp-split': SMALL,
  mthp: SMALL,
};
/** States that pagemap does not tell from others, by what was made. @type {Readonly<Record<string, string>>} */
const STATES = {
  hwpoison: 'poisoned',
  'hugetlb-hwpoison': 'poisoned',
  'uffd-wp-marker': 'marker',
  'uffd-poison': 'marker',
  guard: 'marker',
};
/** Memory of a device, of which pagemap says nothing. */
const OF_DEVICE = new Set(['pci', 'dev-mem']);

/** The pages of one host. */
export class PageFacts {
  #recorded;
  #zones;
  #isBalanced;
  /** @type {readonly Made[]} */
  #made;

  /** @param {RecordedHost} recorded */
  constructor(recorded) {
    this.#recorded = recorded;
    this.#zones = zonesOf(recorded.lines('zoneinfo.txt'));
    this.#isBalanced = /^numa_pte_updates [1-9]/m.test(recorded.read('vmstat.txt'));
    this.#made = recorded.truth.flatMap(([word, , gpa = '', bytes = '', kind = '', ...frames]) =>
      word === 'STATE' ? [{ gpa: hex(gpa), bytes: hex(bytes), kind, frames: frames.map(hex) }] : [],
    );
  }

  /**
   * All pages of an address space of a VM, by GPA.
   *
   * @param {Machine} machine
   * @param {number} space
   * @returns {Stretch[]}
   */
  stretches(machine, space) {
    const pages = machine.orphan ? this.#emptyPages(machine, space) : this.#recorded.pages(machine.name, space);
    /** @type {Stretch[]} */
    const found = [];
    // The records are in the order of the slots' numbers.
    for (const page of pages.sort((a, b) => Number(a.gpa - b.gpa))) {
      const next = this.#stretchOf(page, machine);
      const last = found.at(-1);
      if (last !== undefined && follows(last, next)) last.pages++;
      else found.push(next);
    }
    return found;
  }

  /** The page tables of an orphan are gone: no page is present. @type {(machine: Machine, space: number) => Page[]} */
  #emptyPages({ name }, space) {
    return this.#recorded
      .facts('SLOT')
      .filter((slot) => slot.name === name && Number(slot.space) === space)
      .flatMap(({ gpa, hva, bytes }) =>
        Array.from({ length: Number(hex(bytes) / PAGE) }, (_, i) => {
          const offset = BigInt(i) * PAGE;
          return { gpa: hex(gpa) + offset, hva: hex(hva) + offset, entry: 0n, flags: 0n };
        }),
      );
  }

  /** A page as a stretch of its own. @type {(page: Page, machine: Machine) => Stretch} */
  #stretchOf({ gpa, hva, entry, flags }, { name }) {
    const made =
      name === 'states' ? this.#made.find((each) => gpa >= each.gpa && gpa < each.gpa + each.bytes) : undefined;
    const base = { gpa, hva, pages: 1, place: null, step: 0n };
    const kind = made?.kind ?? '';
    const index = made === undefined ? 0 : Number((gpa - made.gpa) / PAGE);
    if (made !== undefined && OF_DEVICE.has(kind))
      return {
        ...base,
        words: `mapped ${SMALL} no ?`,
        place: ((made.frames[0] ?? 0n) + BigInt(index)) * PAGE,
        step: PAGE,
      };
    const state = STATES[kind];
    if (state !== undefined) return { ...base, words: state, place: made?.frames[index] ?? null, step: 1n };
    if ((entry & PRESENT) !== 0n) {
      const frame = entry & FRAME;
      const words = `mapped ${SIZES[kind] ?? sizes(flags)} ${this.#protNone(name, gpa, kind)} ${this.#nodeOf(frame)}`;
      return { ...base, words, place: frame * PAGE, step: PAGE };
    }
    if ((entry & SWAPPED) === 0n) return { ...base, words: 'not-present' };
    return { ...base, words: `swapped ${entry & TYPE}`, place: (entry & FRAME) >> TYPE_BITS, step: 1n };
  }

  /** `?` where NUMA balancing may have marked the entry. @type {(name: string, gpa: bigint, kind: string) => string} */
  #protNone(name, gpa, kind) {
    if (name === 'states') return kind.endsWith('protnone') ? 'yes' : 'no';
    if (name === 'protnone') return gpa >= 0x10000n && gpa < 0x20000n ? 'yes' : 'no';
    return this.#isBalanced && this.#recorded.facts('GUEST').some((guest) => guest.name === name) ? '?' : 'no';
  }

  /** The node of a frame; `?` if the host did not record its zones. @type {(frame: bigint) => string} */
  #nodeOf(frame) {
    if (this.#zones.length === 0) return '?';
    return `${this.#zones.find(({ first, frames }) => frame >= first && frame < first + frames)?.node ?? '-'}`;
  }
}

/** The page sizes that are possible: a page of a transparent huge page may be mapped by a small entry. */
function sizes(/** @type {bigint} */ flags) {
  if ((flags & HUGE) !== 0n) return `${MIDDLE},${LARGE}`;
  return (flags & THP) !== 0n ? `${SMALL},${MIDDLE}` : SMALL;
}

/** @type {(last: Stretch, next: Stretch) => boolean} */
function follows(last, next) {
  const pages = BigInt(last.pages);
  const place = last.place === null ? null : last.place + pages * last.step;
  return (
    next.gpa === last.gpa + pages * PAGE &&
    next.hva === last.hva + pages * PAGE &&
    next.words === last.words &&
    next.place === place
  );
}

/** The zones that have frames, from /proc/zoneinfo. @type {(lines: readonly string[]) => Zone[]} */
function zonesOf(lines) {
  /** @type {Zone[]} */
  const zones = [];
  let [node, frames] = [0, 0n];
  for (const line of lines) {
    node = Number(/^Node (\d+), zone/.exec(line)?.[1] ?? node);
    frames = BigInt(/^ +spanned +(\d+)/.exec(line)?.[1] ?? frames);
    const first = /^ +start_pfn: +(\d+)/.exec(line)?.[1];
    if (first !== undefined && frames > 0n) zones.push({ node, first: BigInt(first), frames });
  }
  return zones;
}
