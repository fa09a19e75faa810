// SPDX-License-Identifier: Apache-2.0
// Compares the rows that a command says of a mutant with the right ones.
import { present } from '../scripts/present.mjs';
import { HONEST } from './ask.mjs';

/** @import { Row } from './ask-commands.mjs' */

const PAGE = 4096;
/**
 * Members that name, place or measure the guests' memory, by record. They must be right, or null in an answer that says it is
 * not complete. The others are what the dump's memory says (names, pids, registers, flags, backing, nodes): nothing
 * else in the dump says it again, so a changed byte there can't be noticed.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const CHECKED = {
  vm: ['kvm', 'mm', 'memory', 'spaces'],
  slot: ['kvm', 'addressSpace', 'id', 'gpa', 'size', 'hva'],
  vcpu: ['kvm', 'index'],
  owner: ['frame'],
  page: ['frame'],
  hva: ['hpa'],
};
/** The members that identify a row. @type {Readonly<Record<string, readonly string[]>>} */
const KEYS = {
  vm: ['kvm'],
  slot: ['kvm', 'addressSpace', 'id'],
  vcpu: ['kvm', 'index'],
  owner: ['hpa'],
  page: ['hpa'],
  hva: ['hva'],
};

/** Records with what is known of a page or a mapping besides: values there can be null without a problem if the dump lacks them. */
const DESCRIPTIONS = new Set(['owner', 'page', 'hva']);

/** What is wrong with an answer; `gpa`: the page of which something wrong is said, if it is one. @typedef {{ detail: string, gpa: number | null }} Wrong */

/**
 * What is wrong with the rows of commands other than map.
 *
 * @param {readonly Row[]} rows
 * @param {readonly Row[]} right
 * @param {{ isWhole: boolean, isSame: boolean }} answer whether it says that it is complete; whether no byte of memory was changed, so that
 *   contents must be right too
 * @returns {Wrong | null}
 */
export function wrongRow(rows, right, { isWhole, isSame }) {
  const wanted = new Map(right.map((row) => [keyOf(row), row]));
  for (const row of rows) {
    const want = wanted.get(keyOf(row));
    if (want === undefined) return at(row, 'there is no such row');
    wanted.delete(keyOf(row));
    const fault = row.record === 'owner' ? wrongOwners(row, want) : null;
    if (fault !== null) return at(row, fault);
    const strict = isSame && !DESCRIPTIONS.has(String(row.record)) && text(row.problems) === text(want.problems);
    for (const member of strict ? Object.keys(want).filter(isOwn(want)) : (CHECKED[String(want.record)] ?? [])) {
      const [got, is] = [row[member], want[member]];
      if (text(got) === text(is) || (!isWhole && isPart(got, is))) continue;
      return at(row, `${member} is ${text(got)}, right is ${text(is)}`);
    }
  }
  const [missing] = wanted.values();
  return missing !== undefined && isWhole ? at(missing, 'this row is missing') : null;
}

/**
 * What is wrong with the owners of a page: they must be right, and all of them in an answer that says it is complete. Names are
 * not compared. Where memslots or tasks can't be read, a page of a VM is its process's, and an owner has no pid, in an answer with problems.
 *
 * @type {(row: Row, want: Row) => string | null}
 */
function wrongOwners(row, want) {
  const [got, right] = [row, want].map(({ owners }) =>
    /** @type {Row[]} */ (owners).map(({ kind, pid, kvm, addressSpace, slot, gpa, hva, state }) =>
      text([kind, pid, kvm, addressSpace, slot, gpa, hva, state]),
    ),
  );
  const places = /** @type {Row[]} */ (want.owners).flatMap(({ pid, hva }) => [text([pid, hva]), text([null, hva])]);
  const hasLess = (/** @type {Row} */ { kind, pid, hva }) =>
    text(row.problems) !== '[]' && (kind === 'process' || pid === null) && places.includes(text([pid, hva]));
  const owners = /** @type {Row[]} */ (row.owners);
  const wrong = got?.find((owner, i) => right?.includes(owner) !== true && !hasLess(present(owners[i], 'an owner')));
  if (wrong !== undefined) return `owner ${wrong}, which is not one of ${text(right)}`;
  return row.complete === true && got?.length !== right?.length
    ? `it is complete, but lacks some of ${text(right)}`
    : null;
}

/**
 * What is wrong with the runs of map.
 *
 * @param {readonly Row[]} rows
 * @param {readonly Row[]} right
 * @param {boolean} isWhole whether the answer says that it is complete
 * @returns {Wrong | null}
 */
export function wrongRun(rows, right, isWhole) {
  const [runs, wanted] = [rows.filter(isRun), right.filter(isRun)];
  let next = 0;
  let end = 0;
  for (const run of runs) {
    const first = Number(run.gpa);
    if (first < end) return at(run, 'the runs are not ascending', first);
    end = first + Number(run.size);
    for (let gpa = first; gpa < end; ) {
      const want = wanted[next];
      if (want === undefined || Number(want.gpa) > gpa) return at(run, `no slot has ${gpa.toString(16)}`, gpa);
      const wantEnd = Number(want.gpa) + Number(want.size);
      if (wantEnd <= gpa) {
        next++;
        continue;
      }
      const fault = wrongPage(run, want, gpa, isWhole);
      if (fault !== null) return at(run, `${gpa.toString(16)}: ${fault}, right is ${text(want)}`, gpa);
      gpa = Math.min(end, wantEnd);
    }
  }
  return isWhole ? missingRun(runs, wanted) : null;
}

/** The pid of slots and vCPUs is that of the creator if no holder can be read, which only vms says. @type {(row: Row) => (member: string) => boolean} */
const isOwn =
  ({ record }) =>
  (member) =>
    record === 'vm' || member !== 'pid';

/** The first pages that no run has. @type {(runs: readonly Row[], wanted: readonly Row[]) => Wrong | null} */
function missingRun(runs, wanted) {
  /** @type {(rows: readonly Row[]) => number} */
  const bytesOf = (rows) => rows.reduce((sum, { size }) => sum + Number(size), 0);
  if (bytesOf(runs) === bytesOf(wanted)) return null;
  const firsts = new Set(runs.map(({ gpa }) => gpa));
  const lost = wanted.find(({ gpa }) => !firsts.has(gpa)) ?? wanted[0];
  return lost === undefined ? null : at(lost, 'these pages are in no run', Number(lost.gpa));
}

/** What a run says wrongly of a page; null if nothing. @type {(run: Row, want: Row, gpa: number, isWhole: boolean) => string | null} */
function wrongPage(run, want, gpa, isWhole) {
  for (const member of ['kvm', 'addressSpace', 'slot'])
    if (run[member] !== want[member]) return `${member} is ${text(run[member])}`;
  const hva = placeOf(run, 'hva', gpa);
  if (hva !== placeOf(want, 'hva', gpa)) return `hva is ${hva}`;
  if (!isWhole && HONEST.has(String(run.state))) return null;
  // An empty entry: what is in the page cache in its place is not known if that can't be read.
  const isUnknown = !isWhole && run.reason === 'page-cache-unreadable' && want.state === 'not-present';
  for (const member of ['state', 'reason', 'pageSize', 'protNone'])
    if (run[member] !== want[member] && !(member === 'reason' && isUnknown)) return `${member} is ${text(run[member])}`;
  for (const member of ['hpa', 'frame', 'swap']) {
    const place = placeOf(run, member, gpa);
    // Of a page that is not mapped: where it is besides is not known if a cache of the kernel can't be read.
    if (member === 'frame' && place === null && !isWhole && run.state !== 'mapped') continue;
    if (member === 'swap' && place === null && isUnknown) continue;
    if (place !== placeOf(want, member, gpa)) return `${member} is ${place}`;
  }
  return null;
}

/** Where a page of a run is, by a member of the run. @type {(run: Row, member: string, gpa: number) => string | null} */
function placeOf(run, member, gpa) {
  const offset = gpa - Number(run.gpa);
  const place = /** @type {string | { type: number, offset: number } | null} */ (run[member]);
  if (place === null) return null;
  if (typeof place === 'object') return `${place.type} ${place.offset + offset / PAGE}`;
  return (BigInt(place) + BigInt(member === 'frame' ? offset / PAGE : offset)).toString(16);
}

/**
 * What is wrong with the totals of map: they must be the sums of its own runs. The total is the last row.
 *
 * @type {(rows: readonly Row[]) => Wrong | null}
 */
export function wrongTotal(rows) {
  const total = rows.at(-1);
  const runs = rows.filter(isRun);
  if (total?.record !== 'total' || rows.length !== runs.length + 1)
    return { detail: 'there is not one total', gpa: null };
  const bytes = runs.reduce((sum, { size }) => sum + Number(size), 0);
  /** @type {Map<unknown, number>} */
  const states = new Map();
  for (const { state, size } of runs) states.set(state, (states.get(state) ?? 0) + Number(size));
  const own = Object.entries(/** @type {Record<string, number>} */ (total.states));
  const isSum = own.length === states.size && own.every(([state, sum]) => states.get(state) === sum);
  return total.bytes === bytes && total.runs === runs.length && isSum
    ? null
    : at(total, 'it is not the sum of the runs');
}

const isRun = (/** @type {Row} */ row) => row.record === 'run';
const text = (/** @type {unknown} */ value) => JSON.stringify(value);
const keyOf = (/** @type {Row} */ row) =>
  text([row.record, ...(KEYS[String(row.record)] ?? []).map((member) => row[member])]);

/** @type {(row: Row, fault: string, gpa?: number) => Wrong} */
const at = (row, fault, gpa) => ({ detail: `${fault}: ${text(row).slice(0, 400)}`, gpa: gpa ?? null });

/**
 * Whether an answer that is not complete may say this: it does not know, or it leaves out spaces, or does not know what is
 * in a space.
 *
 * @type {(got: unknown, right: unknown) => boolean}
 */
function isPart(got, right) {
  if (got === null) return true;
  if (!Array.isArray(got) || !Array.isArray(right)) return false;
  const known = /** @type {Row[]} */ (got).filter(({ slots, bytes }) => slots !== null || bytes !== null);
  return known.every((space) => right.some((each) => text(each) === text(space)));
}
