// SPDX-License-Identifier: GPL-2.0-or-later
// Compares the answers of kvm-vtop and of the extension in crash, and explains differences by the known faults of
// crash.
import { parseJson } from '../scripts/json.mjs';

/** @import { Answer, Vm } from './sample.mjs' */

const MOST_SHOWN = 10;

/** The number of differences for each known fault of crash, and of those that no fault explains. */
export class Faults {
  unexplained = 0;
  /** @type {Map<string, number>} */
  #counts = new Map();

  /**
   * Counts a difference.
   *
   * @param {string} where
   * @param {string} detail
   * @param {string | null} fault its name in docs/cross-check.md, if there is one
   */
  add(where, detail, fault = null) {
    if (fault !== null) {
      this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1);
      return;
    }
    if (this.unexplained++ < MOST_SHOWN) console.log(`DIFFERS ${where}: ${detail}`);
  }

  /** The explained differences, one line per fault. */
  summary() {
    return [...this.#counts].map(([fault, count]) => `${count} parts: ${fault}\n`).join('');
  }
}

/** @type {(vm: Vm, gpa: string) => string} */
const placeOf = ({ pid, kvm }, gpa) => `pid ${pid} kvm ${kvm} gpa ${gpa}`;

/** Reasons for which the extension gives that of an empty entry. @type {ReadonlySet<string | null>} */
const IN_CACHES = new Set(['in-page-cache', 'shmem-swapped', 'page-cache-unreadable']);

/**
 * The members that are compared: all but messages. Only kvm-vtop knows why a page is not in the dump, and where one is that
 * is not mapped.
 *
 * @type {(answer: Answer) => Map<string, string>}
 */
function factsOf(answer) {
  const facts = new Map(Object.entries(answer).map(([name, value]) => [name, JSON.stringify(value)]));
  facts.delete('message');
  // The extension does not look into the caches of the kernel.
  const isInCache = IN_CACHES.has(answer.reason);
  if (isInCache) {
    facts.set('reason', '"empty-entry"');
    facts.set('swap', 'null');
  }
  if (isInCache || answer.state === 'swapped' || answer.state === 'guest-memfd') facts.set('frame', 'null');
  if (answer.state === 'table-missing') facts.set('reason', '"table"');
  return facts;
}

/**
 * Compares an answer of kvm-vtop with the line of JSON that the extension printed, field by field.
 *
 * @param {Faults} faults
 * @param {Answer} mine
 * @param {string | undefined} line
 * @param {Vm} vm
 */
export function compareJson(faults, mine, line, vm) {
  const where = placeOf(vm, mine.gpa);
  if (line === undefined) {
    faults.add(where, 'crash printed no JSON');
    return;
  }
  const [one, other] = [factsOf(mine), factsOf(/** @type {Answer} */ (parseJson(line)))];
  for (const name of new Set([...one.keys(), ...other.keys()])) {
    const [a, b] = [one.get(name), other.get(name)];
    if (a !== b) faults.add(`${where} ${name}`, `kvm-vtop ${a ?? 'nothing'}, crash's extension ${b ?? 'nothing'}`);
  }
}

/**
 * A block by its parts: the row of addresses, the lines of tables, and what is printed below each of vtop's headings.
 *
 * @type {(block: string) => Map<string, string[]>}
 */
function partsOf(block) {
  /** @type {Map<string, string[]>} */
  const parts = new Map();
  /** Starts a part, or goes on with it. @type {(name: string) => string[]} */
  const part = (name) => {
    const lines = parts.get(name) ?? [];
    parts.set(name, lines);
    return lines;
  };
  let into = part('row');
  for (const line of block.split('\n').map((text) => text.trimEnd())) {
    // What the extension adds to vtop's text.
    if (line === '' || line.startsWith('qemu-vtop: ') || /^ +slot \d+ /.test(line)) continue;
    const heading = /^ +(PTE +PHYSICAL|PTE +SWAP|VMA|PAGE +PHYSICAL)/.exec(line)?.[1]?.replace(/ +/, ' ');
    if (heading !== undefined) into = part(parts.has(heading) ? `${heading} again` : heading);
    else if (/^ +PAGE: /.test(line)) into = part('page');
    else if (/^ +(PGD|P4D|PUD|PMD|PTE): /.test(line)) into = part('tables');
    else if (/^SWAP: |cannot determine swap location/.test(line)) into = part('swap');
    into.push(line);
  }
  return parts;
}

/** @type {(parts: Map<string, string[]>, part: string) => string} */
const textOf = (parts, part) => (parts.get(part) ?? []).join('\n');

/** Without the physical address of the page: the second column. @type {(text: string) => string} */
const withoutAddress = (text) => text.replace(/^( *\S+ +)[0-9a-f]+/gm, '$1…').replace(/ +/g, ' ');
/**
 * Whether crash prints in a part the physical address of a page, or what it takes for the page's struct page.
 *
 * @type {(part: string, mine: string, theirs: string) => boolean}
 */
const isPhysical = (part, mine, theirs) =>
  part === 'PAGE PHYSICAL' ||
  (['page', 'PTE PHYSICAL'].includes(part) && withoutAddress(mine) === withoutAddress(theirs));

/** States of entries that are neither a page nor swap. */
const NO_SWAP = new Set(['migrating', 'poisoned', 'marker']);

/**
 * The fault of crash that explains why a part differs; null if none does.
 *
 * @type {(answer: Answer, part: string, mine: string, theirs: string) => string | null}
 */
function faultOf(answer, part, mine, theirs) {
  if (answer.protNone && isPhysical(part, mine, theirs))
    return 'PROT_NONE: crash does not undo the inversion of the frame';
  if (part === 'page' && mine === `${theirs}  (ZERO PAGE)`) return 'zero page: crash before 9 does not mark it';
  if (NO_SWAP.has(answer.state) && part === 'VMA' && theirs === '')
    return 'no swap: crash stops at entries that are neither a page nor swap';
  return null;
}

/**
 * Compares the texts for an address part by part: kvm-vtop's, and the extension's with crash's vtop.
 *
 * @param {Faults} faults
 * @param {Answer} answer
 * @param {string | undefined} mine
 * @param {string | undefined} theirs
 * @param {Vm} vm
 */
export function compareText(faults, answer, mine, theirs, vm) {
  const where = placeOf(vm, answer.gpa);
  const [one, other] = [partsOf(mine ?? ''), partsOf(theirs ?? '')];
  if (theirs?.includes('one of the two is wrong'))
    faults.add(where, "the extension and crash's vtop have different addresses");
  if (one.get('row')?.length !== 2) faults.add(where, 'kvm-vtop printed no text');
  for (const part of new Set([...one.keys(), ...other.keys()])) {
    const [a, b] = [textOf(one, part), textOf(other, part)];
    if (a !== b)
      faults.add(`${where}, ${part}`, `kvm-vtop "${a}", crash's extension "${b}"`, faultOf(answer, part, a, b));
  }
}
