// SPDX-License-Identifier: Apache-2.0
// record-crash HOST DUMP VMLINUX [CRASH…]: has crash print `vtop -c PID HVA` for addresses of every kind of page of a
// recorded host, into HOST/crash-vtop.txt. CRASH is the command that starts it (default: crash); HOST as for cut-fixture.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RecordedHost } from './recorded-host.mjs';

const [folder, dump, vmlinux, ...crash] = process.argv.slice(2);
const [command, ...before] = crash.length > 0 ? crash : ['crash'];
const host = new RecordedHost(folder);
const PER_KIND = 3;

/** Names of /proc/kpageflags bits that tell kinds of pages apart. */
const BITS = { mmap: 11, anon: 12, head: 15, tail: 16, huge: 17, ksm: 21, thp: 22, zero: 24 };
const kindOf = ([gpa, , entry, flags]) => {
  if (!(entry & (1n << 63n))) return entry & (1n << 62n) ? 'swapped' : 'none';
  const names = Object.entries(BITS).filter(([, bit]) => flags & (1n << BigInt(bit)));
  return `present:${names.map(([name]) => name).join(',')}:${gpa >> 24n}`;
};

const asked = [];
for (const { name, pid, orphan } of host.machines()) {
  if (orphan) continue;
  const seen = new Map();
  for (const row of host.pages(name)) {
    const kind = `${kindOf(row)}${host.isProtNone(name, row[0]) ? ' PROT_NONE' : ''}`;
    const count = seen.get(kind) ?? 0;
    seen.set(kind, count + 1);
    const byte = count === 1 ? 0x840n : 0n;
    if (count < PER_KIND) asked.push({ name, pid, gpa: row[0] + byte, hva: row[1] + byte, kind });
  }
}

const script = asked.map(({ pid, hva }, i) => `echo "== ${i}"\nvtop -c ${pid} ${hva.toString(16)}\n`).join('');
const { stdout, stderr, status } = spawnSync(command, [...before, '-s', vmlinux, dump], {
  input: `${script.replaceAll('echo "', '!echo "')}quit\n`,
  encoding: 'latin1',
  maxBuffer: 2 ** 28,
});
if (status !== 0) throw new Error(`crash: ${status} ${stderr}`);
const blocks = stdout.split(/^== (\d+)\n/m).slice(1);
let text = `# crash with the kernel's debug package on this dump: vtop -c PID HVA, as it prints.\n`;
for (let i = 0; i < blocks.length; i += 2) {
  const { name, pid, gpa, hva, kind } = asked[Number(blocks[i])];
  text += `== ${name} pid ${pid} gpa ${gpa.toString(16)} hva ${hva.toString(16)} ${kind}\n${blocks[i + 1].trimEnd()}\n\n`;
}
writeFileSync(join(folder, 'crash-vtop.txt'), text);
console.log(`${blocks.length / 2} of ${asked.length} addresses`);
