// SPDX-License-Identifier: Apache-2.0
// Makes mutants of one fixture, asks each some questions, and reports the outcomes. It is started by share.mjs.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parseJson } from '../scripts/json.mjs';
import { present } from '../scripts/present.mjs';
import { basesOf } from './bases.mjs';
import { Translations } from './judge.mjs';
import { Commands } from './judge-commands.mjs';
import { Guests } from './judge-guests.mjs';
import { apply, restore } from './mutant-file.mjs';
import { mutate } from './mutations.mjs';
import { ownerQuestions, questionsOf } from './questions.mjs';
import { random } from './random.mjs';

/** @import { Question } from './ask-commands.mjs' */
/** @import { Subject } from './judge.mjs' */
/** @import { Report, Task } from './share.mjs' */

const { folder, kind, scratch, seed, from, to, one, only } = /** @type {Task} */ (
  parseJson(present(process.argv[2], 'the task'))
);

const { frames, forms, pageOf } = await basesOf(folder);
const names = [...forms.keys()];
const files = new Map(names.map((name) => [name, join(scratch, `${from}-${name.replace(/\W/g, '-')}`)]));
for (const [name, path] of files) writeFileSync(path, present(forms.get(name), name).file);
const subject = /** @type {Subject<unknown>} */ (await subjectOf());
/** Bytes of the process with the fixture in all forms, and what is known of it. */
const known = process.memoryUsage.rss();

async function subjectOf() {
  if (kind === 'addresses') return Translations.of(folder, present(files.get('kdump'), 'kdump'));
  if (kind === 'guests') return Guests.of(folder, files, pageOf);
  return Commands.of(files, pageOf, one, kind === 'owners' ? ownerQuestions(folder) : questionsOf);
}

/**
 * The outcome of a mutant; null if the options leave it out.
 *
 * @type {(mutant: number) => Promise<Report | null>}
 */
async function run(mutant) {
  const dice = random(seed, mutant);
  const form = dice.pick(names);
  if (only.form !== undefined && form !== only.form) return null;
  const asked = subject.pick(dice);
  const entries = subject.entriesOf(asked, dice);
  const base = {
    ...present(forms.get(form), form),
    frames,
    entries: entries.length > 0 ? entries : [0],
    guest: subject instanceof Guests ? subject.hostileFor(/** @type {Question[]} */ (asked)) : null,
  };
  const mutation = mutate(dice, base);
  if (only.hit !== undefined && mutation.hit !== only.hit) return null;
  const typesFrom = dice.below(16) === 0 ? 'auto' : 'layout';
  const path = present(files.get(form), form);
  apply(path, mutation);
  const start = process.cpuUsage();
  const outcome = await subject.judge({ path, form, typesFrom, asked, base, mutation });
  const { user, system } = process.cpuUsage(start);
  restore(path, base.file, mutation);
  const rss = process.memoryUsage.rss();
  return { mutant, form, hit: mutation.hit, ms: (user + system) / 1000, rss, grown: rss - known, ...outcome };
}

for (let mutant = from; mutant < to; mutant++) {
  const report = await run(mutant);
  if (report !== null) process.send?.(report);
  // Until the event loop turns, node:zlib keeps what it needed for each page that can't be decoded.
  await turn();
}
for (const path of files.values()) rmSync(path);
