// SPDX-License-Identifier: Apache-2.0
// node fuzz/dump-records.mjs [--mutants N] [--seed S]: changes the records of dumps, in the ways of damage and by exchanging parts of
// them. What is not, byte for byte, the record that was written for a dump must not be used for it. Reads the recorded hosts in
// $KVM_VTOP_SHARED (default ../shared). Exit status 1 if a changed record is used.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  DumpRecord,
  KVM_NEEDS,
  loadKernelCodecs,
  nothingBeside,
  openHostWith,
  openImage,
  selectVm,
  silentLog,
} from '#internal';
import { present } from '../scripts/present.mjs';
import { random } from './random.mjs';
import { dumpOf, HOSTS, useOwnCache } from './recorded-hosts.mjs';

/** @import { Dice } from './random.mjs' */
/** @typedef {{ host: string, path: string, whole: Buffer, again: () => DumpRecord }} Subject */

const { values } = parseArgs({
  options: { mutants: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
});

useOwnCache();

/** The line that says of which dump it is, and the two copies of what was answered. @type {(bytes: Buffer) => [Buffer, Buffer, Buffer]} */
function partsOf(bytes) {
  const start = bytes.indexOf('\n') + 1;
  const middle = start + (bytes.length - start) / 2;
  return [bytes.subarray(0, start), bytes.subarray(start, middle), bytes.subarray(middle)];
}

/** Most harmful: numbers that still are numbers. @type {(bytes: Buffer, dice: Dice, from: number) => Buffer} */
function otherDigits(bytes, dice, from) {
  const digits = [...bytes.keys()].filter((at) => at >= from && /[0-9]/.test(String.fromCharCode(bytes.readUInt8(at))));
  for (let left = 1 + dice.below(4); left > 0; left--) bytes.writeUInt8(0x30 + dice.below(10), dice.pick(digits));
  return bytes;
}

/** @type {Record<string, (bytes: Buffer, dice: Dice, other: Buffer) => Buffer>} */
const CHANGES = {
  'a bit': (bytes, dice) => {
    const at = dice.below(bytes.length);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << dice.below(8)), at);
    return bytes;
  },
  'cut off': (bytes, dice) => bytes.subarray(0, dice.below(bytes.length)),
  zeros: (bytes, dice) => bytes.fill(0, dice.below(bytes.length)),
  digits: (bytes, dice) => otherDigits(bytes, dice, bytes.indexOf('\n') + 1),
  'digits of the first line': (bytes, dice) => {
    const [head, first, second] = partsOf(bytes);
    return Buffer.concat([otherDigits(Buffer.from(head), dice, 0), first, second]);
  },
  'one copy': (bytes) => Buffer.concat(partsOf(bytes).slice(0, 2)),
  'three copies': (bytes) => Buffer.concat([bytes, partsOf(bytes)[1]]),
  'another dump': (_bytes, _dice, other) => Buffer.from(other),
  'one copy of another dump': (bytes, _dice, other) => {
    const [head, first] = partsOf(bytes);
    return Buffer.concat([head, first, partsOf(other)[2]]);
  },
  nothing: (bytes) => bytes,
};

/** The record of a dump after two commands. @type {(host: string, pid: string) => Promise<Subject>} */
async function subjectOf(host, pid) {
  const { image } = await openImage(dumpOf(host));
  /** @type {DumpRecord | null} */
  let record = null;
  /** @type {() => DumpRecord} */
  let again = () => {
    throw new Error(`${host} has no record`);
  };
  const builds = {
    btf: () => null,
    /** @param {Parameters<typeof DumpRecord.of>[0]} kernel */
    answers: (kernel) => {
      again = () => present(DumpRecord.of(kernel, host, 'program'), 'a cache folder');
      record = again();
      return record.answers;
    },
  };
  const opened = await openHostWith(image, image, { log: silentLog, needs: KVM_NEEDS, outside: nothingBeside, builds });
  selectVm(opened, pid, null);
  const kept = present(/** @type {DumpRecord | null} */ (record), 'a record');
  kept.save(silentLog);
  return { host, path: kept.path, whole: readFileSync(kept.path), again };
}

await loadKernelCodecs();
/** @type {Subject[]} */
const subjects = [];
for (const { host, pid } of HOSTS) subjects.push(await subjectOf(host, pid));

/** @type {Map<string, number>} */
const tally = new Map();
let wrong = 0;
for (let mutant = 0; mutant < Number(values.mutants); mutant++) {
  const dice = random(Number(values.seed), mutant);
  const { host, path, whole, again } = present(subjects[mutant % subjects.length], 'a host');
  const other = present(subjects[(mutant + 1) % subjects.length], 'another host');
  const name = dice.pick(Object.keys(CHANGES));
  const changed = present(CHANGES[name], name)(Buffer.from(whole), dice, other.whole);
  writeFileSync(path, changed, { mode: 0o600 });
  const isUsed = !again().isEmpty;
  const what = `${name}: ${isUsed ? 'used' : 'refused'}`;
  tally.set(what, (tally.get(what) ?? 0) + 1);
  if (isUsed === changed.equals(whole)) continue;
  wrong++;
  console.log(`${host}, mutant ${mutant}, ${what}`);
}
for (const [what, count] of [...tally].sort()) console.log(`${what}: ${count}`);
console.log(`${values.mutants} mutants, ${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
