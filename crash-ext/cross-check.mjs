// SPDX-License-Identifier: GPL-2.0-or-later
// cross-check DUMP --vmlinux FILE --kvm-module FILE [options]: runs crash with qemu-vtop.so, and kvm-vtop, over the
// same addresses of every VM of a dump, and compares each field of the JSON and each part of the text. Exit status 1 if
// there is a difference that the known faults of crash (docs/cross-check.md) do not explain.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compareJson, compareText, Faults } from './compare.mjs';
import { addressesOf, optionsFor, parseAnswer, slotsOf, vmsOf } from './sample.mjs';
import { OPTIONS, session, setupOf } from './session.mjs';

/** @import { Ours, Slot, Vm } from './sample.mjs' */
/** A VM, and the hexadecimal addresses to translate. @typedef {Vm & { addresses: string[] }} Asked */

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const USAGE = `usage: cross-check DUMP --vmlinux FILE --kvm-module FILE
  --crash COMMAND     the command that runs crash (default: crash)
  --extension FILE    the extension (default: qemu-vtop.so next to this script)
  --original FILE     the extension of 2012: its answer for the first address of each VM is printed
  --cli COMMAND       the command that runs kvm-vtop (default: node dist/cli.js of this checkout)
  --addresses FILE    guest physical addresses, one per line, for every VM, instead of samples
  --expect FILE       lines "PID GPA HVA HPA", hexadecimal except the pid, as QEMU's monitor reported them: the
                      extension must give the same answers
  --count N           number of addresses to sample for each VM (default 400)
  --scratch FOLDER    a folder for crash's commands that crash can read (default: a temporary one)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...OPTIONS,
    original: { type: 'string' },
    cli: { type: 'string', default: `${process.execPath} ${CLI}` },
    addresses: { type: 'string' },
    expect: { type: 'string' },
    count: { type: 'string', default: '400' },
  },
});
const setup = setupOf(USAGE, values, positionals);
if (!existsSync(setup.extension)) {
  console.error(`cross-check: ${setup.extension}: no such file; build it with make -C crash-ext`);
  process.exit(2);
}

/** The output of a session of crash. @type {(extension: string, commands: readonly string[]) => string} */
function crash(extension, commands) {
  const { stdout, stderr, ended, isLoaded, isWhole } = session(setup, { dump: setup.dump, extension, commands });
  if (!isLoaded || !isWhole || ended !== 0)
    throw new Error(`crash ended with ${ended}: ${stdout.slice(-2000)}${stderr}`);
  return stdout;
}

/** @type {Ours} */
function ours(args, input) {
  const [program = '', ...first] = values.cli.split(' ');
  const run = spawnSync(program, [...first, '-c', setup.dump, ...args], {
    encoding: 'latin1',
    maxBuffer: 2 ** 30,
    input,
  });
  return { stdout: run.stdout, stderr: run.stderr };
}

/** crash accepts lines of at most 1,500 characters and 100 words. */
const PER_LINE = 50;
/** Divides a list into pieces that fit on a line. @type {<T>(list: readonly T[]) => T[][]} */
const inLines = (list) =>
  Array.from({ length: Math.ceil(list.length / PER_LINE) }, (_, i) => list.slice(i * PER_LINE, (i + 1) * PER_LINE));
/** @type {(file: string) => string[]} */
const linesOf = (file) => readFileSync(file, 'latin1').split('\n').filter(Boolean);
/** The lines of the output that are JSON. @type {(text: string) => string[]} */
const jsonOf = (text) => text.split('\n').filter((line) => line.startsWith('{'));

/** @type {(vm: Vm, slots: readonly Slot[]) => string[]} */
const addressesFor = (vm, slots) =>
  values.addresses === undefined ? addressesOf(ours, vm, slots, Number(values.count)) : linesOf(values.addresses);

/** The addresses to translate, for every VM. @returns {Asked[]} */
function choose() {
  const vms = vmsOf(ours);
  if (vms.length === 0) throw new Error('kvm-vtop does not list a VM in this dump');
  const slots = slotsOf(vms, (commands) => crash(setup.extension, commands));
  return vms.map((vm, i) => {
    const own = slots[i];
    if (own === undefined) throw new Error(`the extension lists the slots of ${slots.length} VMs of ${vms.length}`);
    return { ...vm, addresses: addressesFor(vm, own) };
  });
}

/**
 * The output of the extension for all addresses.
 *
 * @type {(asked: readonly Asked[], options: string) => string}
 */
function extensionText(asked, options) {
  const commands = asked.flatMap(({ pid, kvm, space, addresses }) =>
    inLines(addresses).map((list) => `qemu-vtop ${options}-g ${pid} -v ${kvm} -s ${space} -p ${list.join(' ')}`),
  );
  return crash(setup.extension, commands);
}

/** The number of addresses of each size or state. @type {(kinds: readonly string[]) => string} */
function countsText(kinds) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
}

/**
 * Compares both answers for each address of a VM.
 *
 * @param {Faults} faults
 * @param {Asked} vm
 * @param {Iterator<string, undefined>} json the extension's lines, from the first of this VM on
 * @param {Iterator<string, undefined>} blocks and its blocks of text: addresses without an HVA have none
 */
function compareVm(faults, vm, json, blocks) {
  const { addresses, pid, kvm, space } = vm;
  const args = [...optionsFor(vm), '-p', '-'];
  const input = `${addresses.join('\n')}\n`;
  const answers = ours([...args, '--json'], input)
    .stdout.trim()
    .split('\n')
    .map(parseAnswer);
  const texts = ours(args, input).stdout.split(/\n\n(?=GUEST PHYSICAL)/);
  for (const [i, answer] of answers.entries()) {
    compareJson(faults, answer, json.next().value, vm);
    if (answer.hva !== null) compareText(faults, answer, texts[i], blocks.next().value, vm);
  }
  const kinds = answers.map(({ pageSize, state }) => (pageSize === null ? state : `${pageSize / 1024} KiB`));
  console.log(`pid ${pid}, kvm ${kvm}, address space ${space}: ${addresses.length} addresses (${countsText(kinds)})`);
}

/**
 * Compares the extension with what QEMU itself reported before the crash.
 *
 * @param {Faults} faults
 * @param {string} file
 */
function checkExpected(faults, file) {
  const lines = linesOf(file).map((line) => {
    const [pid = '', gpa = '', hva = '', hpa = ''] = line.split(' ');
    return { pid, gpa, hva, hpa };
  });
  const pids = [...new Set(lines.map(({ pid }) => pid))];
  const groups = pids.flatMap((pid) =>
    inLines(lines.filter((line) => line.pid === pid)).map((list) => ({ pid, list })),
  );
  const commands = groups.map(({ pid, list }) => `qemu-vtop -j -g ${pid} -p ${list.map(({ gpa }) => gpa).join(' ')}`);
  const answers = jsonOf(crash(setup.extension, commands)).map(parseAnswer);
  let right = 0;
  for (const [i, { pid, gpa, hva, hpa }] of groups.flatMap(({ list }) => list).entries()) {
    const answer = answers[i];
    if (answer?.hva === `0x${hva}` && answer.hpa === `0x${hpa}`) right++;
    else
      faults.add(
        `pid ${pid} gpa ${gpa}`,
        `QEMU reported ${hva} ${hpa}, the extension ${answer?.hva ?? 'nothing'} ${answer?.hpa ?? 'nothing'}`,
      );
  }
  console.log(`${right} of ${lines.length} as QEMU's monitor reported them`);
}

const faults = new Faults();
const asked = choose();
const json = jsonOf(extensionText(asked, '-j '));
const blocks = extensionText(asked, '')
  .split(/^(?=GUEST PHYSICAL)/m)
  .slice(1);
const [nextLine, nextBlock] = [json.values(), blocks.values()];
for (const vm of asked) compareVm(faults, vm, nextLine, nextBlock);
const total = asked.reduce((sum, { addresses }) => sum + addresses.length, 0);
if (json.length !== total) faults.add('lines of JSON', `crash printed ${json.length} for ${total} addresses`);
if (values.expect !== undefined) checkExpected(faults, values.expect);

if (values.original !== undefined) {
  const commands = asked.map(({ pid, addresses }) => `qemu-vtop -g ${pid} -p ${addresses[0] ?? '0'}`);
  console.log(`\nthe extension of 2012 on the first address of each VM:\n${crash(values.original, commands).trim()}`);
}
console.log(`\n${faults.summary()}${total} addresses, ${faults.unexplained} differences that are not explained`);
process.exit(faults.unexplained === 0 && total > 0 ? 0 : 1);
