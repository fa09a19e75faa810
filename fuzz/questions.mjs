// SPDX-License-Identifier: Apache-2.0
// The commands that the mutants of a fixture are asked, and the words of memory that their answers depend on.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '../scripts/json.mjs';
import { present } from '../scripts/present.mjs';
import { rowsOf } from './ask-commands.mjs';
import { FILES, MEMSLOTS, OWNERS, REVERSE, STRUCTS } from './readers.mjs';

/** @import { Answers, Known, Question, Row } from './ask-commands.mjs' */

const PAGE = 4096;
/** Pages of each map whose page-table entries are changed. */
const PAGES = 200;
/** Larger maps are asked in parts. */
const MOST_RUNS = 2000;
/** The readers whose frames are changed, other than page tables. */
const STRUCTURES = [
  MEMSLOTS,
  FILES,
  STRUCTS,
  'tasks and pids',
  'vm_list',
  'vCPUs',
  'mappings',
  'swap areas',
  OWNERS,
  REVERSE,
  'others',
];

/** The questions of a fixture: lists of all VMs, and the map of each address space of each VM. @type {(answers: Answers) => Promise<Question[]>} */
export async function questionsOf(answers) {
  /** @type {Question[]} */
  const lists = [
    { name: 'vms', given: {} },
    { name: 'slots', given: {} },
    { name: 'vcpus', given: {} },
  ];
  // Of other fixtures the page tables are not complete.
  const sizes = { name: 'slots', given: { sizes: true } };
  if ((await answers.ask(sizes)).status === 0) lists.push(sizes);
  const { text } = await answers.ask({ name: 'vms', given: {} });
  /** @type {Question[]} */
  const maps = rowsOf(text).flatMap(({ pid, kvm, spaces }) =>
    /** @type {Row[]} */ (spaces).map(({ addressSpace }) => ({
      name: 'map',
      given: { process: String(pid), vm: kvm, addressSpace },
    })),
  );
  const parts = await Promise.all(maps.map(async (map) => partsOf(map, rowsOf((await answers.ask(map)).text))));
  return [...lists, ...parts.flat()];
}

/**
 * The questions of a fixture with owners.json: who has its frames, what they are, and where processes have them.
 *
 * @type {(folder: string) => () => Promise<Question[]>}
 */
export function ownerQuestions(folder) {
  const { frames } = /** @type {{ frames: { frame: string, owners: (string | number)[][] }[] }} */ (
    parseJson(readFileSync(join(folder, 'owners.json'), 'utf8'))
  );
  const words = frames.map(({ frame }) => frame);
  /** @type {Map<number, string[]>} */
  const ofProcesses = new Map();
  for (const [kind, pid, hva] of frames.flatMap(({ owners }) => owners))
    if (kind === 'process') ofProcesses.set(Number(pid), [...(ofProcesses.get(Number(pid)) ?? []), String(hva)]);
  /** @type {Question[]} */
  const questions = ['owner', 'page'].map((name) => ({ name, given: { pfn: true }, words }));
  for (const [pid, hvas] of ofProcesses) questions.push({ name: 'hva', given: { process: String(pid) }, words: hvas });
  return () => Promise.resolve(questions);
}

/** The same map in ranges, if it has many runs. @type {(map: Question, rows: readonly Row[]) => Question[]} */
function partsOf(map, rows) {
  const runs = rows.filter(({ record }) => record === 'run');
  if (runs.length <= MOST_RUNS) return [map];
  const pieces = Array.from({ length: Math.ceil(runs.length / MOST_RUNS) }, (_, i) =>
    runs.slice(i * MOST_RUNS, (i + 1) * MOST_RUNS),
  );
  return pieces.map((piece) => {
    const [first, last] = [present(piece[0], 'a run'), present(piece.at(-1), 'a run')];
    const end = BigInt(String(last.gpa)) + BigInt(Number(last.size)) - 1n;
    return { ...map, words: [`${String(first.gpa)}-0x${end.toString(16)}`] };
  });
}

/** Addresses of the entries of pages at the ends of runs, and of others. @type {(answers: Answers, question: Question, rows: readonly Row[]) => number[]} */
export function entriesOf(answers, { given }, rows) {
  const firsts = rows.filter(({ record }) => record === 'run').map(({ gpa }) => Number(gpa) / PAGE);
  const step = Math.max(1, Math.floor(firsts.length / PAGES));
  const frames = firsts.filter((_, i) => i % step === 0);
  return [...new Set(answers.entriesOf(given, frames).flat())];
}

/** @type {(known: Known, pageOf: (frame: number) => Buffer | null) => number[][]} */
export const wordsOf = (known, pageOf) => wordsIn(known, pageOf, (kind) => STRUCTURES.includes(kind));

/**
 * Addresses of words that are not 0, in the frames of each kind of reader that counts.
 *
 * @type {(known: Known, pageOf: (frame: number) => Buffer | null, counts: (kind: string) => boolean) => number[][]}
 */
export function wordsIn({ readers }, pageOf, counts) {
  /** @type {Map<string, Set<number>>} */
  const frames = new Map();
  for (const each of readers.values())
    for (const [frame, kinds] of each)
      for (const kind of kinds) if (counts(kind)) frames.set(kind, (frames.get(kind) ?? new Set()).add(frame));
  const words = [...frames.values()].map((own) => [...own].flatMap((frame) => setWords(frame, pageOf(frame))));
  return words.filter((own) => own.length > 0);
}

/** Addresses of the words of a page that are not 0. @type {(frame: number, page: Buffer | null) => number[]} */
function setWords(frame, page) {
  if (page === null) return [];
  return Array.from({ length: PAGE / 8 }, (_, i) => i * 8)
    .filter((offset) => page.readBigUInt64LE(offset) !== 0n)
    .map((offset) => frame * PAGE + offset);
}
