// SPDX-License-Identifier: GPL-2.0-or-later
// Two witnesses of an address, and what is known to be wrong in one of them.

const MOST_SHOWN = 10;

/** Differences by the fault of crash that explains them, and those that nothing explains. */
export class Faults {
  unexplained = 0;
  #counts = new Map();

  /** `fault`: its name in docs/cross-check.md, where there is one. */
  add(where, detail, fault = null) {
    if (fault !== null) {
      this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1);
      return;
    }
    if (this.unexplained++ < MOST_SHOWN) console.log(`DIFFERS ${where}: ${detail}`);
  }

  summary() {
    return [...this.#counts].map(([fault, count]) => `${count} parts: ${fault}\n`).join('');
  }
}

/** Facts are compared, not words; why a page is not in the dump is for kvm-vtop alone to say. */
const factsOf = ({ message, ...answer }) =>
  answer.state === 'table-missing' ? { ...answer, reason: 'table' } : answer;

export function compareJson(faults, mine, line, { pid, kvm }) {
  const where = `pid ${pid} kvm ${kvm} gpa ${mine.gpa}`;
  if (line === undefined) {
    faults.add(where, 'crash printed no JSON');
    return;
  }
  const [one, other] = [factsOf(mine), factsOf(JSON.parse(line))];
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const [a, b] = [JSON.stringify(one[name]), JSON.stringify(other[name])];
    if (a !== b) faults.add(`${where} ${name}`, `kvm-vtop ${a}, crash's extension ${b}`);
  }
}

/** A block by its parts: the row of addresses, table lines, and what stands under each of vtop's headings. */
function partsOf(block) {
  const parts = { row: [], tables: [], page: [] };
  let into = parts.row;
  for (const line of (block ?? '').split('\n').map((text) => text.trimEnd())) {
    // What the extension adds to vtop's text.
    if (line === '' || line.startsWith('qemu-vtop: ') || /^ +slot \d+ /.test(line)) continue;
    const heading = /^ +(PTE +PHYSICAL|PTE +SWAP|VMA|PAGE +PHYSICAL)/.exec(line)?.[1];
    if (heading !== undefined) {
      into = [];
      const name = heading.replace(/ +/, ' ');
      parts[name in parts ? `${name} again` : name] = into;
    } else if (/^ +PAGE: /.test(line)) into = parts.page;
    else if (/^ +(PGD|P4D|PUD|PMD|PTE): /.test(line)) into = parts.tables;
    else if (/^SWAP: |cannot determine swap location/.test(line)) {
      into = [];
      parts.swap = into;
    }
    into.push(line);
  }
  return parts;
}

/** Without the physical address of the page: the second column. */
const withoutAddress = (text) => text.replace(/^( *\S+ +)[0-9a-f]+/gm, '$1…').replace(/ +/g, ' ');
/** Parts in which crash prints the physical address of a page, or what its struct page should be. */
const isPhysical = (part, mine, theirs) =>
  part === 'PAGE PHYSICAL' ||
  (['page', 'PTE PHYSICAL'].includes(part) && withoutAddress(mine) === withoutAddress(theirs));

/** What explains that a part differs: a fault of crash, by name; null if nothing does. */
function faultOf(answer, part, mine, theirs) {
  if (answer.protNone && isPhysical(part, mine, theirs))
    return 'PROT_NONE: crash does not turn the inverted frame back';
  if (part === 'page' && mine === `${theirs}  (ZERO PAGE)`) return 'zero page: crash before 9 does not name it';
  if (NO_SWAP.has(answer.state) && part === 'VMA' && theirs === '')
    return 'no swap: crash gives up at entries that are neither a page nor swap';
  return null;
}

/** States of entries that are neither a page nor swap. */
const NO_SWAP = new Set(['migrating', 'poisoned', 'marker']);

/** The blocks part by part. */
export function compareText(faults, answer, mine, theirs, { pid, kvm }) {
  const [one, other] = [partsOf(mine), partsOf(theirs)];
  if (theirs?.includes('one of the two is wrong'))
    faults.add(`pid ${pid} kvm ${kvm} gpa ${answer.gpa}`, "the extension and crash's vtop have different addresses");
  if (one.row.length !== 2) faults.add(`pid ${pid} kvm ${kvm} gpa ${answer.gpa}`, 'kvm-vtop printed no text');
  for (const part of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const [a, b] = [(one[part] ?? []).join('\n'), (other[part] ?? []).join('\n')];
    if (a !== b)
      faults.add(
        `pid ${pid} kvm ${kvm} gpa ${answer.gpa}, ${part}`,
        `kvm-vtop "${a}", crash's extension "${b}"`,
        faultOf(answer, part, a, b),
      );
  }
}
