// SPDX-License-Identifier: Apache-2.0
// node fuzz/records.mjs [--mutants N] [--seed S] [--host NAME]: changes the record of a kernel's build in many ways, most of them with a
// right sum, and compares addresses and layouts with those without a record. Reads the recorded hosts in $KVM_VTOP_SHARED (default
// ../shared), because fixtures lack the kernel's index, without which no record is believed. Exit status 1 if one differs.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  BuildHints,
  GuestTranslator,
  gfn,
  KVM_NEEDS,
  loadKernelCodecs,
  nothingBeside,
  openHostWith,
  openImage,
  selectVm,
  silentLog,
} from '#internal';
import { parseJson } from '../scripts/json.mjs';
import { present } from '../scripts/present.mjs';
import { random } from './random.mjs';
import { dumpOf, HOSTS, useOwnCache } from './recorded-hosts.mjs';

/** @import { Dice } from './random.mjs' */

const { values } = parseArgs({
  options: {
    mutants: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    host: { type: 'string' },
  },
});
const CHOSEN = HOSTS.filter(({ host }) => (values.host ?? host) === host);
/** Stands for the files of a dump. */
const FILE = 'dump';
const GFNS = [0x0, 0xa0, 0x1001, 0x1002, 0x5000, 0x8000, 0xfec00].map(gfn);
/** @satisfies {readonly Group[]} */
const GROUPS = /** @type {const} */ (['structures', 'enums', 'symbols']);

useOwnCache();

/** @typedef {'structures' | 'enums' | 'symbols'} Group */
/** A line of a record: the ID of a type, or the rank of a symbol. @typedef {{ group: Group, name: string, id: number }} Entry */

/** @type {(path: string) => Entry[]} */
const entriesOf = (path) =>
  [...readFileSync(path, 'latin1').matchAll(/^(structures|enums|symbols) (\d+) (\w+)/gm)].map(
    ([, group, id, name]) => ({
      group: /** @type {Entry['group']} */ (group),
      id: Number(id),
      name: String(name),
    }),
  );

/** Changes a list of entries. @type {Record<string, (entries: Entry[], dice: Dice, others: readonly Entry[]) => Entry[]>} */
const CHANGES = {
  'an ID nearby': (entries, dice) =>
    one(entries, dice, (each) => ({ ...each, id: each.id + dice.pick([-2, -1, 1, 2]) })),
  'any ID': (entries, dice) => one(entries, dice, (each) => ({ ...each, id: dice.below(140_000) })),
  'an impossible ID': (entries, dice) =>
    one(entries, dice, (each) => ({ ...each, id: dice.pick([0, 2 ** 24, 999_999_999]) })),
  'IDs exchanged': (entries, dice) => {
    const [a, b] = [dice.pick(entries), dice.pick(entries)];
    return entries.map((each) => (each === a ? { ...each, id: b.id } : each === b ? { ...each, id: a.id } : each));
  },
  'another group': (entries, dice) => one(entries, dice, (each) => ({ ...each, group: dice.pick(GROUPS) })),
  'another name': (entries, dice) =>
    one(entries, dice, (each) => ({ ...each, name: `${each.name}${dice.pick(['s', '_', '1'])}` })),
  'lines left out': (entries, dice) => entries.filter(() => dice.below(2) === 0),
  'all IDs': (entries, dice) => entries.map((each) => ({ ...each, id: dice.below(140_000) })),
  'all IDs moved': (entries, dice) => {
    const step = dice.below(2000) - 1000;
    return entries.map((each) => ({ ...each, id: Math.max(0, each.id + step) }));
  },
  'another build': (_entries, _dice, others) => [...others],
  'some of another build': (entries, dice, others) =>
    entries.map((each) => (dice.below(2) === 0 ? each : dice.pick(others))),
};

/** @type {(entries: Entry[], dice: Dice, change: (entry: Entry) => Entry) => Entry[]} */
function one(entries, dice, change) {
  const chosen = dice.pick(entries);
  return entries.map((each) => (each === chosen ? change(each) : each));
}

/** Changes the bytes of a record. @type {Record<string, (bytes: Buffer, dice: Dice) => Buffer>} */
const DAMAGE = {
  'a bit': (bytes, dice) => {
    const at = dice.below(bytes.length);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << dice.below(8)), at);
    return bytes;
  },
  'cut off': (bytes, dice) => bytes.subarray(0, dice.below(bytes.length)),
};

class Subject {
  /** @param {Awaited<ReturnType<typeof openImage>>} opened @param {string} pid */
  constructor(opened, pid) {
    this.opened = opened;
    this.pid = pid;
    /** @type {{ struct: string, paths: string[] }[]} */
    this.asked = [];
    /** @type {string[]} */
    this.symbols = [];
  }

  /** @param {BuildHints | null} hints */
  async host(hints) {
    const { image } = this.opened;
    const builds = { btf: () => null, hints: () => hints };
    return openHostWith(image, image, { log: silentLog, needs: KVM_NEEDS, outside: nothingBeside, builds });
  }

  /** What is answered, as text. @param {BuildHints | null} hints */
  async answers(hints) {
    const host = await this.host(hints);
    const translator = new GuestTranslator(selectVm(host, this.pid, null).vm, 0);
    const addresses = GFNS.map((each) => [translator.translate(each), translator.frame, translator.page]);
    const layouts = this.asked.map(({ struct, paths }) => [
      host.types.sizeOf(struct),
      ...paths.map((path) => host.types.member(struct, path)),
    ]);
    const symbols = this.symbols.map((name) => String(host.symbols.get(name)));
    return JSON.stringify([addresses, layouts, symbols]);
  }
}

await loadKernelCodecs();
const subjects = [];
for (const { host, pid } of CHOSEN) {
  const subject = new Subject(await openImage(dumpOf(host)), pid);
  const { release, identity, info } = await subject.host(null);
  const stated = { release, version: identity.version, buildId: info.text('BUILD-ID'), crash: info.source };
  const first = present(BuildHints.of(stated, FILE), 'a cache folder');
  await subject.answers(first);
  first.save(silentLog);
  const entries = entriesOf(first.path);
  const profile = /** @type {{ structs: Record<string, { members: object } | null> }} */ (
    parseJson(readFileSync(new URL(`../src/layouts/${release}.json`, import.meta.url), 'utf8'))
  );
  subject.asked = entries
    .filter(({ group }) => group === 'structures')
    .map(({ name }) => ({ struct: name, paths: Object.keys(profile.structs[name]?.members ?? {}) }));
  subject.symbols = entries.filter(({ group }) => group === 'symbols').map(({ name }) => name);
  subjects.push({
    host,
    subject,
    stated,
    path: first.path,
    whole: readFileSync(first.path),
    entries,
    right: await subject.answers(null),
  });
}

/** @type {Map<string, number>} */
const tally = new Map();
let wrong = 0;
for (let mutant = 0; mutant < Number(values.mutants); mutant++) {
  const dice = random(Number(values.seed), mutant);
  const { host, subject, stated, path, whole, entries, right } = present(subjects[mutant % subjects.length], 'a host');
  const others = present(subjects[(mutant + 1) % subjects.length], 'another host').entries;
  // One in twenty has a wrong sum: it is refused, and the types are walked, which takes most of the time.
  const isDamage = dice.below(20) === 0;
  const name = dice.pick(Object.keys(isDamage ? DAMAGE : CHANGES));
  rmSync(path, { force: true });
  if (isDamage) writeFileSync(path, present(DAMAGE[name], name)(Buffer.from(whole), dice), { mode: 0o600 });
  else {
    const made = present(BuildHints.of(stated, FILE), 'a cache folder');
    for (const { group, name: type, id } of present(CHANGES[name], name)([...entries], dice, others))
      if (group === 'symbols') made.learnRank(type, id);
      else made.learn(group, type, id);
    made.save(silentLog);
  }
  const answers = await subject.answers(BuildHints.of(stated, FILE));
  tally.set(name, (tally.get(name) ?? 0) + 1);
  if (answers === right) continue;
  wrong++;
  console.log(`${host}, mutant ${mutant}, ${name}: another answer than without a record`);
}
for (const [name, count] of [...tally].sort()) console.log(`${name}: ${count}`);
console.log(`${values.mutants} mutants, ${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
