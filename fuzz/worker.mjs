// SPDX-License-Identifier: Apache-2.0
// Makes mutants of one fixture, translates some addresses in each, and reports the outcomes. It is started by
// share.mjs.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFacts } from '../scripts/facts.mjs';
import { parseJson } from '../scripts/json.mjs';
import { present } from '../scripts/present.mjs';
import { basesOf } from './bases.mjs';
import { Judge } from './judge.mjs';
import { apply, restore } from './mutant-file.mjs';
import { mutate } from './mutations.mjs';
import { random } from './random.mjs';

/** @import { Address } from './ask.mjs' */
/** @import { Report, Task } from './share.mjs' */

const { folder, scratch, seed, from, to, perMutant, only } = /** @type {Task} */ (
  parseJson(present(process.argv[2], 'the task'))
);

const { frames, forms } = await basesOf(folder);
/** @type {Address[]} */
const addresses = readFacts(folder).questions.flatMap(({ cases, ...question }) =>
  cases.map(({ gpa }) => ({ ...question, gpa: BigInt(gpa) })),
);
const names = [...forms.keys()];
const files = new Map(names.map((name) => [name, join(scratch, `${from}-${name.replace(/\W/g, '-')}`)]));
for (const [name, path] of files) writeFileSync(path, present(forms.get(name), name).file);
const judge = await Judge.of(present(files.get('kdump'), 'kdump'), addresses);

/**
 * The outcome of a mutant; null if the options leave it out.
 *
 * @type {(mutant: number) => Promise<Report | null>}
 */
async function run(mutant) {
  const dice = random(seed, mutant);
  const form = dice.pick(names);
  if (only.form !== undefined && form !== only.form) return null;
  const picked = Array.from({ length: perMutant }, () => dice.pick(addresses)).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const entries = judge.entriesOf(picked);
  const base = { ...present(forms.get(form), form), frames, entries: entries.length > 0 ? entries : [0] };
  const mutation = mutate(dice, base);
  if (only.hit !== undefined && mutation.hit !== only.hit) return null;
  const typesFrom = dice.below(16) === 0 ? 'auto' : 'layout';
  const path = present(files.get(form), form);
  apply(path, mutation);
  const start = performance.now();
  const outcome = await judge.judge({ path, typesFrom, addresses: picked, base, mutation });
  const ms = performance.now() - start;
  restore(path, base.file, mutation);
  return { mutant, form, hit: mutation.hit, ms, rss: process.memoryUsage().rss, ...outcome };
}

for (let mutant = from; mutant < to; mutant++) {
  const report = await run(mutant);
  if (report !== null) process.send?.(report);
}
for (const path of files.values()) rmSync(path);
