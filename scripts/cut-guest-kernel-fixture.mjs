// SPDX-License-Identifier: Apache-2.0
// cut-guest-kernel-fixture HOST TARGET NAME: cuts a fixture with the kernel of a guest out of a recorded host, with the program's
// own excerpt: what its log, and the page tables of its process 1, are read from. Of the guest's kernel, whose image is searched,
// pages are left out that do not change the answers, nor the way on which the kernel is found. Run it after a build.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commands, openDump, perform, silentLog } from '#internal';
import { thinned } from './excerpt-pages.mjs';
import { present } from './present.mjs';
import { hex, RecordedHost } from './recorded-host.mjs';

/** @import { OpenDump, Streams } from '#internal' */

/** One page in this number is in the fixture. */
const EACH = 10;
const TASK = '1';

const [host, target, name] = process.argv.slice(2);
if (host === undefined || target === undefined || name === undefined) {
  console.error('usage: cut-guest-kernel-fixture HOST TARGET NAME');
  process.exit(2);
}
const cli = new URL('../dist/cli.js', import.meta.url).pathname;
const dump = join(target, 'vmcore.kdump');
mkdirSync(target, { recursive: true });
rmSync(dump, { force: true });

const pages = new RecordedHost(host)
  .facts('PAGE')
  .filter((page) => page.name === name)
  .filter((_, i) => i % EACH === 0);
const gvas = pages.map(({ gva }) => gva);
const task = { process: name, gva: true, gtask: TASK };
/** @type {{ name: string, given: Record<string, unknown>, words: string[] }[]} */
const questions = [
  { name: 'log', given: { process: name }, words: [] },
  { name: 'vtop', given: task, words: gvas },
  { name: 'read', given: { ...task, bytes: 4096 }, words: gvas },
  { name: 'vtop', given: { process: name, gva: true }, words: ['ffffffff81000000', ...gvas] },
  { name: 'vms', given: {}, words: [] },
  { name: 'vcpus', given: {}, words: [] },
];
const inside = [
  { name: 'hva', given: { process: TASK }, words: gvas },
  { name: 'log', given: {}, words: [] },
];

const virtual = ['-g', name, '--gva', '-p'];
const asked = [
  ['log', '-g', name],
  ['vtop', ...virtual, ...gvas, '--gtask', TASK],
  ['read', ...virtual, ...gvas, '--gtask', TASK, '-n', '4096'],
  ['vtop', ...virtual, 'ffffffff81000000', ...gvas],
  ['vms'],
  ['vcpus'],
];
const words = asked.flatMap((command) => ['--', ...command]);
spawnSync(process.execPath, [cli, 'excerpt', '-c', join(host, 'vmcore'), '-o', dump, ...words], { stdio: 'inherit' });

const guest = name;
/** The answers from a dump, and the names of the steps that lead to them. @type {(path: string) => Promise<string>} */
async function answers(path) {
  /** @type {string[]} */
  const out = [];
  const note = (/** @type {string} */ text) => out.push(text);
  const log = {
    ...silentLog,
    /** @type {<T>(name: string, work: () => T) => T} */
    step: (step, work) => {
      note(step);
      return work();
    },
  };
  for (const [guests, own, needs] of /** @type {const} */ ([
    [[], questions, 'vcpus'],
    [[guest], inside, 'host'],
  ])) {
    try {
      const opened = await openDump(path, { log, needs, guests });
      for (const question of own) note(await answer(opened, question, log));
      opened.close();
    } catch (error) {
      note(String(error));
    }
  }
  return out.join('\n');
}

/** @type {(opened: OpenDump, question: typeof questions[number], log: Streams['log']) => Promise<string>} */
async function answer(opened, { name: command, given, words: own }, log) {
  const found = present(
    commands.find((each) => each.name === command),
    command,
  );
  /** @type {Record<string, unknown>} */
  const values = { process: null, vm: null };
  for (const [option, spec] of Object.entries(found.options)) values[option] = spec.default;
  Object.assign(values, given);
  let text = '';
  const write = (/** @type {string | Uint8Array} */ piece) => {
    text += String(piece);
    return Promise.resolve();
  };
  const input = () => {
    throw new Error('nothing comes from standard input');
  };
  const status = await perform({ command: found, values, words: own, inner: [] }, opened, 'json', {
    log,
    write,
    input,
  });
  return `${status} ${text}`;
}

const trial = `${dump}.trial`;
/** @type {(file: Buffer) => Promise<string>} */
const answersOf = (made) => {
  writeFileSync(trial, made);
  return answers(trial);
};
const whole = readFileSync(dump);
const right = await answersOf(whole);
const file = await thinned(whole, async (made) => (await answersOf(made)) === right);
rmSync(trial);
writeFileSync(dump, file);
const facts = pages.map(({ gva, gpa, value }) => ({
  gva: `0x${hex(gva).toString(16)}`,
  gpa: `0x${hex(gpa).toString(16)}`,
  value: `0x${value}`,
}));
writeFileSync(join(target, 'guest.json'), `${JSON.stringify({ name, gtask: Number(TASK), pages: facts }, null, 1)}\n`);
