// SPDX-License-Identifier: Apache-2.0
// record-crash HOST DUMP VMLINUX [CRASH…]: records in HOST/crash-vtop.txt what crash prints for `vtop -c PID HVA`, for
// addresses of every kind of page of a recorded host. HOST is as for cut-fixture; CRASH is the command that starts
// crash (default: crash).
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { present } from './present.mjs';
import { RecordedHost } from './recorded-host.mjs';

/** @import { Page } from './recorded-host.mjs' */

const PER_KIND = 3;
/** Bits of /proc/kpageflags that distinguish kinds of pages. */
const BITS = { mmap: 11, anon: 12, head: 15, tail: 16, huge: 17, ksm: 21, thp: 22, zero: 24 };

const [folder, dump, vmlinux, command = 'crash', ...before] = process.argv.slice(2);
if (folder === undefined || dump === undefined || vmlinux === undefined) {
  console.error('usage: record-crash HOST DUMP VMLINUX [CRASH…]');
  process.exit(2);
}
const host = new RecordedHost(folder);

/**
 * The kind of a page according to pagemap and kpageflags, and the 16 MiB that it is in.
 *
 * @type {(page: Page) => string}
 */
function kindOf({ gpa, entry, flags }) {
  if ((entry & (1n << 63n)) === 0n) return (entry & (1n << 62n)) === 0n ? 'none' : 'swapped';
  const names = Object.entries(BITS).flatMap(([name, bit]) => (((flags >> BigInt(bit)) & 1n) === 1n ? [name] : []));
  return `present:${names.join(',')}:${gpa >> 24n}`;
}

/** The first pages of each kind. @type {(name: string) => { kind: string, gpa: bigint, hva: bigint }[]} */
function choose(name) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return host.pages(name).flatMap((page) => {
    const kind = `${kindOf(page)}${host.isProtNone(name, page.gpa) ? ' PROT_NONE' : ''}`;
    const count = seen.get(kind) ?? 0;
    seen.set(kind, count + 1);
    const byte = count === 1 ? 0x840n : 0n;
    return count < PER_KIND ? [{ kind, gpa: page.gpa + byte, hva: page.hva + byte }] : [];
  });
}

const asked = host
  .machines()
  .filter(({ orphan }) => !orphan)
  .flatMap(({ name, pid }) => choose(name).map((address) => ({ ...address, name, pid })));

const script = asked.map(({ pid, hva }, i) => `!echo "== ${i}"\nvtop -c ${pid} ${hva.toString(16)}\n`).join('');
const { stdout, stderr, status } = spawnSync(command, [...before, '-s', vmlinux, dump], {
  input: `${script}quit\n`,
  encoding: 'latin1',
  maxBuffer: 2 ** 28,
});
if (status !== 0) throw new Error(`crash: ${status} ${stderr}`);
const blocks = stdout.split(/^(?=== \d+\n)/m).flatMap((block) => {
  const [, number, printed] = /^== (\d+)\n([\s\S]*)/.exec(block) ?? [];
  if (number === undefined || printed === undefined) return [];
  const { name, pid, gpa, hva, kind } = present(asked[Number(number)], `question ${number} that crash answered`);
  return [`== ${name} pid ${pid} gpa ${gpa.toString(16)} hva ${hva.toString(16)} ${kind}\n${printed.trimEnd()}\n\n`];
});
const head = "# crash with the kernel's debug package on this dump: vtop -c PID HVA, as it prints.\n";
writeFileSync(join(folder, 'crash-vtop.txt'), head + blocks.join(''));
console.log(`${blocks.length} of ${asked.length} addresses`);
