// SPDX-License-Identifier: GPL-2.0-or-later
// cross-check DUMP --vmlinux FILE --kvm-module FILE [options]: crash with qemu-vtop.so and kvm-vtop over the same addresses
// of every VM of a dump: each field of JSON, and each part of the text.
// Exit 1 if they differ in anything that the known faults of crash (docs/cross-check.md) do not explain.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compareJson, compareText, Faults } from './compare.mjs';
import { addressesOf, slotsOf, vmsOf } from './sample.mjs';
import { commandLine, session } from './session.mjs';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const USAGE = `usage: cross-check DUMP --vmlinux FILE --kvm-module FILE
  --crash COMMAND     how crash is run (default: crash)
  --extension FILE    the extension (default: qemu-vtop.so beside this script)
  --original FILE     the extension of 2012: what it says of the first address of each VM is printed
  --cli COMMAND       how kvm-vtop is run (default: node dist/cli.js of this checkout)
  --addresses FILE    guest physical addresses, one a line, for every VM, instead of samples
  --expect FILE       lines "PID GPA HVA HPA" in hexadecimal (the pid decimal), as QEMU's monitor told them: the
                      extension must say the same
  --count N           addresses of each VM that are sampled (default 400)
  --scratch FOLDER    for crash's commands, where crash can read it (default: a temporary one)`;

const { dump, values } = commandLine(USAGE, {
  original: { type: 'string' },
  cli: { type: 'string', default: `${process.execPath} ${CLI}` },
  addresses: { type: 'string' },
  expect: { type: 'string' },
  count: { type: 'string', default: '400' },
});
if (!existsSync(values.extension)) {
  console.error(`cross-check: ${values.extension}: no such file; build it with make -C crash-ext`);
  process.exit(2);
}
/** What a crash session prints for some commands. */
function crash(extension, commands) {
  const { stdout, stderr, ended, isLoaded, isWhole } = session({ values, dump, extension, commands });
  if (!isLoaded || !isWhole || ended !== 0)
    throw new Error(`crash ended with ${ended}: ${stdout.slice(-2000)}${stderr}`);
  return stdout;
}

/** What kvm-vtop prints. */
function ours(args, input) {
  const [program, ...first] = values.cli.split(' ');
  const run = spawnSync(program, [...first, '-c', dump, ...args], { encoding: 'latin1', maxBuffer: 2 ** 30, input });
  return { stdout: run.stdout, stderr: run.stderr };
}

/** crash takes lines of 1,500 characters and 100 words. */
const PER_LINE = 50;
const inLines = (list) =>
  Array.from({ length: Math.ceil(list.length / PER_LINE) }, (_, i) => list.slice(i * PER_LINE, (i + 1) * PER_LINE));

const faults = new Faults();
const vms = vmsOf(ours);
if (vms.length === 0) throw new Error('kvm-vtop lists no VM in this dump');
const slots = slotsOf(vms, (commands) => crash(values.extension, commands));
if (slots.length < vms.length) throw new Error(`the extension lists the slots of ${slots.length} VMs of ${vms.length}`);
const asked = vms.map((vm, i) => ({
  ...vm,
  addresses:
    values.addresses === undefined
      ? addressesOf(ours, vm, slots[i], Number(values.count))
      : readFileSync(values.addresses, 'latin1').split('\n').filter(Boolean),
}));

const option = ({ kvm }) => `-v ${kvm}`;
const json = crash(
  values.extension,
  asked.flatMap((vm) =>
    inLines(vm.addresses).map((list) => `qemu-vtop -j -g ${vm.pid} ${option(vm)} -s ${vm.space} -p ${list.join(' ')}`),
  ),
)
  .split('\n')
  .filter((line) => line.startsWith('{'));
const text = crash(
  values.extension,
  asked.flatMap((vm) =>
    inLines(vm.addresses).map((list) => `qemu-vtop -g ${vm.pid} ${option(vm)} -s ${vm.space} -p ${list.join(' ')}`),
  ),
);
const blocks = text.split(/^(?=GUEST PHYSICAL)/m).slice(1);

let total = 0;
let [nextLine, nextBlock] = [0, 0];
for (const vm of asked) {
  const { addresses, pid, kvm, space } = vm;
  const args = ['-g', String(pid), '--vm', kvm, '--address-space', String(space), '-p', '-'];
  const input = `${addresses.join('\n')}\n`;
  const mine = ours([...args, '--json'], input)
    .stdout.trim()
    .split('\n');
  const mineText = ours(args, input).stdout.split(/\n\n(?=GUEST PHYSICAL)/);
  const sizes = new Map();
  mine.forEach((line, i) => {
    const answer = JSON.parse(line);
    const kind = answer.pageSize === null ? answer.state : `${answer.pageSize / 1024} KiB`;
    sizes.set(kind, (sizes.get(kind) ?? 0) + 1);
    compareJson(faults, answer, json[nextLine++], vm);
    if (answer.hva === null) return;
    compareText(faults, answer, mineText[i], blocks[nextBlock++], vm);
  });
  total += addresses.length;
  const kinds = [...sizes].map(([kind, count]) => `${kind} ${count}`).join(', ');
  console.log(`pid ${pid}, kvm ${kvm}, address space ${space}: ${addresses.length} addresses (${kinds})`);
}
if (json.length !== total) faults.add('lines of JSON', `crash printed ${json.length} for ${total} addresses`);

/** What QEMU itself said before the crash. */
function checkExpected(path) {
  const lines = readFileSync(path, 'latin1')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '));
  const pids = [...new Set(lines.map(([pid]) => pid))];
  const groups = pids.flatMap((pid) => inLines(lines.filter(([own]) => own === pid)));
  const told = crash(
    values.extension,
    groups.map((group) => `qemu-vtop -j -g ${group[0][0]} -p ${group.map(([, gpa]) => gpa).join(' ')}`),
  )
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  let right = 0;
  groups.flat().forEach(([pid, gpa, hva, hpa], i) => {
    const answer = told[i] ?? {};
    if (answer.hva === `0x${hva}` && answer.hpa === `0x${hpa}`) right++;
    else faults.add(`pid ${pid} gpa ${gpa}`, `QEMU said ${hva} ${hpa}, the extension ${answer.hva} ${answer.hpa}`);
  });
  console.log(`${right} of ${lines.length} as QEMU's monitor told them`);
}
if (values.expect !== undefined) checkExpected(values.expect);

if (values.original !== undefined) {
  const commands = asked.map(({ pid, addresses }) => `qemu-vtop -g ${pid} -p ${addresses[0]}`);
  console.log(`\nthe extension of 2012 on the first address of each VM:\n${crash(values.original, commands).trim()}`);
}
console.log(`\n${faults.summary()}${total} addresses, ${faults.unexplained} differences that are not explained`);
process.exit(faults.unexplained === 0 && total > 0 ? 0 : 1);
