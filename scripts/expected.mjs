// SPDX-License-Identifier: Apache-2.0
// The right answers for a recorded host, derived from what the host's own kernel and QEMU reported (states: see
// docs/output.md).
import { present } from './present.mjs';
import { hex } from './recorded-host.mjs';

/** @import { Case } from './facts.mjs' */
/** @import { Machine, Page, RecordedHost } from './recorded-host.mjs' */

const PER_VM = 48;
const PAGE = 4096n;
const PAGES_OF_ORPHAN_SLOT = 4n;
// Documentation/admin-guide/mm/pagemap.rst: bits of /proc/PID/pagemap, then of /proc/kpageflags.
const PRESENT = 1n << 63n;
const SWAPPED = 1n << 62n;
const FRAME = (1n << 55n) - 1n;
const HUGE = 1n << 17n;
const THP = 1n << 22n;
/** Swap entries: five bits of type, then the offset. */
const TYPE_BITS = 5n;
const TYPE = (1n << TYPE_BITS) - 1n;

/** @type {(value: bigint) => string} */
const out = (value) => `0x${value.toString(16)}`;
/** @type {(bits: bigint, mask: bigint) => boolean} */
const has = (bits, mask) => (bits & mask) !== 0n;

/** VMs whose guest_memfd has all pages of their slots (created with GUEST_MEMFD_FLAG_MMAP): no page is at its HVA. */
const IN_MEMFD = /^gmem-(0-1|0-3|own)$/;

/** The answers for one VM of a recorded host. */
export class ExpectedAnswers {
  #recorded;
  #machine;
  #swapAreas;

  /**
   * @param {RecordedHost} recorded
   * @param {Machine} machine
   */
  constructor(recorded, machine) {
    this.#recorded = recorded;
    this.#machine = machine;
    this.#swapAreas = BigInt(recorded.facts('SWAP').length);
  }

  /**
   * Cases of an address space: the addresses `wanted`, then pages of every kind.
   *
   * @param {number} space
   * @param {readonly bigint[]} wanted
   * @returns {Case[]}
   */
  cases(space, wanted) {
    const rows = this.#recorded.pages(this.#machine.name, space);
    const cases = [...this.#wantedCases(rows, wanted), ...this.#samples(rows)];
    if (IN_MEMFD.test(this.#machine.name))
      return cases.map(({ gpa, hva }) => ({ gpa, hva, hpa: null, state: 'guest-memfd', protNone: false }));
    if (space !== 0) return cases;
    return [...cases, ...this.#orphanCases(), ...outside(rows)];
  }

  /** @type {(rows: readonly Page[], wanted: readonly bigint[]) => Case[]} */
  #wantedCases(rows, wanted) {
    const pages = new Map(rows.map((row) => [row.gpa, row]));
    return wanted.map((gpa) => {
      const byte = gpa % PAGE;
      return this.#answer(present(pages.get(gpa - byte), `the page of GPA ${out(gpa)} in the pagemap`), byte);
    });
  }

  /** Some pages of every part, all entries that are neither a page nor swap, and some PROT_NONE pages. */
  #samples(/** @type {readonly Page[]} */ rows) {
    const step = Math.max(1, Math.floor(rows.length / PER_VM));
    return rows.flatMap((row, i) => {
      const byte = BigInt((i * 2654435761) % 4096);
      const mayBeProtNone = this.#machine.name === 'protnone' || i % 32 === 0;
      const isChosen = i % step === 0 || this.#isSpecial(row) || (mayBeProtNone && this.#isProtNone(row));
      return isChosen ? [this.#answer(row, byte)] : [];
    });
  }

  /** The page tables of an orphan are gone: only the slots are left. */
  #orphanCases() {
    const { name, orphan } = this.#machine;
    const slots = orphan ? this.#recorded.facts('SLOT').filter((slot) => slot.name === name) : [];
    return slots.flatMap(({ gpa, hva }) =>
      Array.from({ length: Number(PAGES_OF_ORPHAN_SLOT) }, (_, page) => {
        const offset = BigInt(page) * PAGE;
        return this.#answer({ gpa: hex(gpa) + offset, hva: hex(hva) + offset, entry: 0n, flags: 0n }, 0n);
      }),
    );
  }

  /** @type {(row: Page) => boolean} */
  #isProtNone({ gpa }) {
    return this.#recorded.isProtNone(this.#machine.name, gpa);
  }

  /**
   * Whether an entry is of a type beyond the swap areas: a memory error, or a marker.
   *
   * @type {(row: Page) => boolean}
   */
  #isSpecial({ entry }) {
    return !has(entry, PRESENT) && has(entry, SWAPPED) && (entry & TYPE) >= this.#swapAreas;
  }

  /** The answer for a byte of a page. @type {(row: Page, byte: bigint) => Case} */
  #answer(row, byte) {
    const { gpa, hva, entry, flags } = row;
    const base = { gpa: out(gpa + byte), hva: out(hva + byte), protNone: this.#isProtNone(row) };
    if (has(entry, PRESENT))
      return { ...base, state: 'mapped', hpa: out((entry & FRAME) * PAGE + byte), pageSizes: pageSizes(flags) };
    if (!has(entry, SWAPPED)) return { ...base, state: 'not-present', hpa: null, protNone: false };
    const offset = (entry & FRAME) >> TYPE_BITS;
    if (this.#isSpecial(row)) {
      const state = this.#recorded.specialState(this.#machine.name, gpa);
      return { ...base, state, hpa: null, frame: state === 'poisoned' ? out(offset) : null };
    }
    return { ...base, state: 'swapped', hpa: null, swap: { type: Number(entry & TYPE), offset: Number(offset) } };
  }
}

/** A page of a transparent huge page may nevertheless be mapped by a small entry. */
function pageSizes(/** @type {bigint} */ flags) {
  if (has(flags, HUGE)) return [2 ** 21, 2 ** 30];
  return has(flags, THP) ? [4096, 2 ** 21] : [4096];
}

/** An address above all slots. @type {(rows: readonly Page[]) => Case[]} */
function outside(rows) {
  const last = rows.at(-1);
  if (last === undefined) return [];
  return [{ gpa: out(last.gpa + PAGE + 0x123456000n), hva: null, hpa: null, state: 'no-memslot', protNone: false }];
}
