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
    return [...this.#counts].map(([fault, count]) => `${count} lines: ${fault}\n`).join('');
  }
}

/** Why a page is not in the dump is for kvm-vtop alone to say. */
const tableMissing = (answer) =>
  answer.state === 'table-missing' ? { ...answer, reason: 'table', message: 'table' } : answer;

export function compareJson(faults, mine, line, { pid, kvm }) {
  const where = `pid ${pid} kvm ${kvm} gpa ${mine.gpa}`;
  if (line === undefined) {
    faults.add(where, 'crash printed no JSON');
    return;
  }
  const [one, other] = [tableMissing(mine), tableMissing(JSON.parse(line))];
  for (const name of Object.keys(one)) {
    const [a, b] = [JSON.stringify(one[name]), JSON.stringify(other[name])];
    if (a !== b) faults.add(`${where} ${name}`, `kvm-vtop ${a}, crash's extension ${b}`);
  }
}

const tidy = (block) =>
  (block ?? '')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !line.startsWith('qemu-vtop: ') && !/^ +slot \d+ /.test(line));

/** What explains that a line differs: a fault of crash, by name; null if nothing does. */
function faultOf(answer, mine, theirs) {
  if (answer.protNone && !/^GUEST|^[0-9a-f]+ +[0-9a-f]+ +[0-9a-f]+$/.test(theirs ?? ''))
    return 'PROT_NONE: crash does not turn the inverted frame back';
  if (mine === `${theirs}  (ZERO PAGE)`) return 'zero page: crash 8.0.2 does not name it';
  if (/cannot determine swap location/.test(theirs ?? '')) return 'no swap: crash takes every special entry for swap';
  if (
    answer.state !== 'mapped' &&
    answer.state !== 'swapped' &&
    /SWAP|OFFSET|\(unknown\)|\/dev\//.test(`${theirs} ${mine}`)
  )
    return 'no swap: crash takes every special entry for swap';
  return null;
}

/** The blocks line by line. */
export function compareText(faults, answer, mine, theirs, { pid, kvm }) {
  const [one, other] = [tidy(mine), tidy(theirs)];
  for (let i = 0; i < Math.max(one.length, other.length); i++)
    if (one[i] !== other[i])
      faults.add(
        `pid ${pid} kvm ${kvm} gpa ${answer.gpa}, text`,
        `kvm-vtop "${one[i] ?? ''}", crash's extension "${other[i] ?? ''}"`,
        faultOf(answer, one[i], other[i]),
      );
}
