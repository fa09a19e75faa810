// SPDX-License-Identifier: Apache-2.0
// Asks mutants of one fixture; tells what became of each.
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gfn, openDump, Road, selectVm, silentLog } from '../dist/index.js';
import { basesOf } from './bases.mjs';
import { mutate } from './mutations.mjs';
import { random } from './random.mjs';
import { PROCESS_TABLES, whoReads } from './readers.mjs';

const { folder, scratch, seed, from, step, count, perMutant, only } = JSON.parse(process.argv[2]);
const PAGE = 4096n;
/** States that say that it can't be told. */
const HONEST = new Set(['table-missing', 'damaged', 'slots-missing']);

const { frames, forms } = await basesOf(folder);
const questions = JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')).questions.flatMap((question) =>
  question.cases.map(({ gpa }) => ({ ...question, gpa: BigInt(gpa) })),
);

/** What is told of an address: all of an answer but its words. */
function told(road) {
  const { state, frame, pageSize, protNone, page, slot, swap } = road;
  const place = swap === null ? null : [swap.type, swap.offset];
  return JSON.stringify([state, frame, pageSize, protNone, page, slot === null ? null : [slot.id, slot.first], place]);
}

async function ask(path, types, picked, phase = () => undefined) {
  const beside = { typesFrom: types };
  const watch = (image) => ({
    frame: (frame) => {
      phase(frame);
      return image.frame(frame);
    },
    why: (frame) => image.why(frame),
    get limit() {
      return image.limit;
    },
  });
  const { host, close } = await openDump(path, { beside, watch, log: silentLog });
  try {
    const roads = new Map();
    return picked.map(({ name, process, vm, addressSpace, gpa }) => {
      if (!roads.has(name + addressSpace))
        roads.set(name + addressSpace, new Road(host, selectVm(host, process, vm).vm, addressSpace));
      const road = roads.get(name + addressSpace);
      road.translate(gfn(Number(gpa / PAGE)), Number(gpa % PAGE));
      return { told: told(road), state: road.state, entries: road.steps.map(({ address }) => address) };
    });
  } finally {
    close();
  }
}

/** What lies on each frame's page: the structures that are read from there for a right answer. */
async function readers(path) {
  const lies = new Map();
  const phase = (frame) => lies.set(frame, (lies.get(frame) ?? new Set()).add(whoReads()));
  await ask(path, 'layout', questions, phase);
  return lies;
}

const names = Object.keys(forms);
const files = new Map();
for (const name of names) {
  const path = join(scratch, `${from}-${name.replace(/\W/g, '-')}`);
  writeFileSync(path, forms[name].file);
  files.set(name, path);
}
const baseline = await ask(files.get('kdump'), 'layout', questions);
const right = new Map(baseline.map(({ told: text }, i) => [questions[i], text]));
const entries = new Map(baseline.map(({ entries: list }, i) => [questions[i], list]));
const read = await readers(files.get('kdump'));

for (let mutant = from; mutant < count; mutant += step) {
  const dice = random(seed, mutant);
  const form = dice.pick(names);
  if (only.form !== undefined && form !== only.form) continue;
  const picked = Array.from({ length: perMutant }, () => dice.pick(questions)).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const own = picked.flatMap((question) => entries.get(question));
  const base = { ...forms[form], frames, entries: own.length > 0 ? own : [0] };
  const mutation = mutate(dice, base);
  if (only.hit !== undefined && mutation.hit !== only.hit) continue;
  const types = dice.below(16) === 0 ? 'auto' : 'layout';
  const path = files.get(form);
  apply(path, mutation);
  const start = performance.now();
  const outcome = await judge(path, types, picked, mutation, base);
  const ms = performance.now() - start;
  restore(path, base.file, mutation);
  process.send({
    mutant,
    form,
    hit: mutation.hit,
    structural: mutation.structural,
    ms,
    rss: process.memoryUsage().rss,
    ...outcome,
  });
}
for (const path of files.values()) rmSync(path);

async function judge(path, types, picked, mutation, base) {
  let answers;
  try {
    answers = await ask(path, types, picked);
  } catch (error) {
    const known = error.name === 'DumpError' || error.name === 'UsageError';
    return known ? { outcome: 'refused' } : { outcome: 'internal error', detail: error.stack };
  }
  const wrong = answers.findIndex(({ told: text, state }, i) => text !== right.get(picked[i]) && !HONEST.has(state));
  if (wrong >= 0) {
    const detail = `${picked[wrong].name} ${picked[wrong].gpa.toString(16)}: ${answers[wrong].told}, right is ${right.get(picked[wrong])}`;
    const where = mutation.structural ? null : excuse(mutation, base, answers[wrong].entries);
    return { outcome: where === null ? 'WRONG' : 'wrong, and a changed byte was read', where, detail };
  }
  const all = answers.every(({ told: text }, i) => text === right.get(picked[i]));
  return { outcome: all ? 'right' : 'right or not told' };
}

/** Where an answer read a byte that was changed; null where it read none. */
function excuse(mutation, base, walked) {
  // A packed page that unpacks to another one is changed from end to end.
  if (mutation.at === undefined) return 'a page that unpacks';
  const addresses = mutation.changes.flatMap(([at, bytes]) =>
    [...bytes].flatMap((byte, i) => (byte === base.file[at + i] ? [] : [addressOf(base, at + i)])),
  );
  const isWalked = addresses.some((address) => walked.some((entry) => address >= entry && address < entry + 8));
  if (isWalked) return 'an entry of a page table that the answer walked';
  // Of the process's page tables only what was walked counts; which entries the kernel's own walks read is not known.
  const lies = addresses
    .flatMap((address) => [...(read.get(Math.floor(address / 4096)) ?? [])])
    .filter((reader) => reader !== PROCESS_TABLES);
  return lies.length === 0 ? null : [...new Set(lies)].sort().join(' and ');
}

/** Where in memory a byte of a file lies whose pages stand as they are. */
function addressOf(base, at) {
  const inside = at - base.regions.pages[0];
  return frames[Math.floor(inside / 4096)] * 4096 + (inside % 4096);
}

function apply(path, { changes, length }) {
  const descriptor = openSync(path, 'r+');
  if (length !== undefined) ftruncateSync(descriptor, length);
  for (const [at, bytes] of changes ?? []) writeSync(descriptor, bytes, 0, bytes.length, at);
  closeSync(descriptor);
}

function restore(path, file, { changes, length }) {
  if (length !== undefined || (changes ?? []).some(([at, bytes]) => at + bytes.length > file.length)) {
    writeFileSync(path, file);
    return;
  }
  const descriptor = openSync(path, 'r+');
  for (const [at, bytes] of changes ?? []) writeSync(descriptor, file, at, bytes.length, at);
  closeSync(descriptor);
}
