// SPDX-License-Identifier: Apache-2.0
// Complete containers of recorded hosts: every mapping of the processes whose /proc/PID/smaps was recorded, from the
// red-black tree (5.10) and the maple tree (6.1 and later); every pid of the IDR.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from '@jest/globals';
import { xaNodes, xarrayEntries, xarrayEntry } from '../../../src/kernel/containers/xarray.js';
import { Files } from '../../../src/kernel/files.js';
import type { Host } from '../../../src/kernel/host.js';
import { readMm } from '../../../src/kernel/mm.js';
import { pidFields, pidNamespaceFields } from '../../../src/kernel/structs.js';
import { Tasks } from '../../../src/kernel/tasks.js';
import { findVma, type Vma, vmas } from '../../../src/kernel/vma.js';
import { openDump } from '../../../src/open.js';
import { resolve } from '../../../src/types/fields.js';
import { dumpFolder } from '../../build/recorded.js';
import { needing, recordedHosts } from '../../needs.js';

const { test } = needing(recordedHosts);
const HOSTS = [
  'debian-5.10-lzo',
  'debian-6.1-zlib',
  'debian-6.12-zstd',
  'debian-6.12-facts',
  'debian-6.12-intel',
  'debian-7.2-zstd-contents',
];

/** The process of a recorded smaps, by its file name: the name in truth.txt, and the kind of line with its pid. */
const SMAPS: Readonly<Record<string, RegExp>> = {
  alpha: /^GUEST alpha (\d+) /m,
  beta: /^GUEST beta (\d+) /m,
  'two-vms': /^VM (\d+) \d+ two-1$/m,
  orphan: /^HELD (\d+) \d+ orphan$/m,
  protnone: /^VM (\d+) \d+ protnone$/m,
  states: /^VM (\d+) \d+ states$/m,
  vmx: /^VM (\d+) \d+ vmx-apic$/m,
};

interface Line {
  readonly range: string;
  /** Empty if there is none. */
  readonly path: string;
}

/** The mappings in smaps. The vsyscall page is not a mapping: the kernel adds its line. */
const linesOf = (smaps: string): Line[] =>
  [...smaps.matchAll(/^([0-9a-f]+-[0-9a-f]+) .{4} [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ *(.*)$/gm)]
    .map(([, range = '', path = '']) => ({ range, path }))
    .filter(({ path }) => path !== '[vsyscall]');

const rangeOf = ({ start, end }: Vma): string =>
  [start, end].map((edge) => edge.toString(16).padStart(8, '0')).join('-');

/** The names that smaps may use for a file: one without a directory gets one, or the name of its kind, before it. */
const namesOf = (path: string): string[] =>
  (path.startsWith('/') ? [path] : [`/${path}`, `anon_inode:${path}`]).flatMap((name) => [name, `${name} (deleted)`]);

test.each(HOSTS)('%s: mappings equal those of smaps, in addresses and files', async (name) => {
  const folder = dumpFolder(name);
  const { host, close } = await openDump(join(folder, 'vmcore'));
  const truth = readFileSync(join(folder, 'truth.txt'), 'utf8');
  const [tasks, files] = [new Tasks(host), new Files(host)];
  let compared = 0;
  for (const file of readdirSync(folder).filter((each) => each.startsWith('smaps-'))) {
    const process = file.slice('smaps-'.length, -'.txt.gz'.length);
    const pid = Number(SMAPS[process]?.exec(truth)?.[1]);
    const lines = linesOf(gunzipSync(readFileSync(join(folder, file))).toString('utf8'));
    const task = tasks.byPid(pid);
    const mm = readMm(host, task?.mm ?? 0n);
    const found = [...vmas(host, mm)];
    expect({ process, ranges: found.map(rangeOf) }).toEqual({ process, ranges: lines.map(({ range }) => range) });
    found.forEach((vma, i) => {
      const path = lines[i]?.path ?? '';
      if (vma.file === 0n) expect(path).toMatch(/^(|\[.*\])$/);
      else expect(namesOf(files.pathOf(vma.file))).toContain(path);
      for (const address of [vma.start, vma.end - 1n]) expect(findVma(host, mm, address)).toEqual(vma);
    });
    // A range of them: from the middle of one to the middle of another.
    const some = found.slice(5, 9);
    const [first, last] = [some[0], some.at(-1)] as [Vma, Vma];
    expect([...vmas(host, mm, first.end - 1n, last.start + 1n)]).toEqual(some);
    compared += found.length;
  }
  expect(compared).toBeGreaterThan(500);
  close();
});

/** The pids of the initial namespace in its IDR, without those that outlive their task. */
function pidsByIdr({ memory, symbols, types }: Host): number[] {
  const { namespace, pids } = resolve(types, { namespace: pidNamespaceFields, pids: pidFields });
  const address = symbols.get('init_pid_ns') ?? 0n;
  const number = (at: bigint, size: number): bigint => {
    const bytes = memory.read(at, size);
    if ('reason' in bytes) throw new Error(bytes.message);
    return bytes.unsigned(0, size);
  };
  const head = number(address + BigInt(namespace.root.offset), 8);
  const base = namespace.base === null ? 0n : number(address + BigInt(namespace.base.offset), 4);
  const at = xaNodes(types);
  return [...xarrayEntries(memory, at, head)]
    .filter(({ index, order, entry }) => {
      expect(order).toBe(0);
      expect(xarrayEntry(memory, at, head, index)).toBe(entry);
      return number(entry + BigInt(pids.tasks.offset), 8) !== 0n;
    })
    .map(({ index }) => Number(index + base));
}

test.each(HOSTS)('%s: the IDR has the pids of the task list', async (name) => {
  const { host, close } = await openDump(join(dumpFolder(name), 'vmcore'));
  const tasks = new Tasks(host);
  const listed = [...tasks.leaders()].flatMap((leader) => [...tasks.threads(leader)].map(({ pid }) => pid));
  expect(listed.length).toBeGreaterThan(50);
  expect(pidsByIdr(host)).toEqual(listed.sort((a, b) => a - b));
  close();
});

test.each(HOSTS)('%s: page caches of mapped files have as many pages as the kernel counts', async (name) => {
  const folder = dumpFolder(name);
  const { host, close } = await openDump(join(folder, 'vmcore'));
  const { memory, types } = host;
  const number = (address: bigint, struct: string, path: string): bigint => {
    const member = types.member(struct, path);
    const bytes = memory.read(address + BigInt(member?.offset ?? 0), 8);
    if (member === null || 'reason' in bytes) throw new Error(`${struct}.${path} at 0x${address.toString(16)}`);
    return bytes.u64(0);
  };
  const tasks = new Tasks(host);
  const at = xaNodes(types);
  const seen = new Set<bigint>();
  const orders = new Set<number | null>();
  for (const leader of tasks.leaders())
    for (const vma of leader.mm === 0n ? [] : vmas(host, readMm(host, leader.mm)))
      if (vma.file !== 0n) seen.add(number(vma.file, 'file', 'f_mapping'));
  let pages = 0;
  const wrong: unknown[] = [];
  for (const mapping of seen) {
    const head = number(mapping, 'address_space', 'i_pages.xa_head');
    let count = 0;
    for (const { index, order, entry } of xarrayEntries(memory, at, head)) {
      orders.add(order);
      const indices = 2 ** (order ?? 0);
      // A value is the shadow of a former page, or its place in swap.
      if ((entry & 1n) === 0n) count += indices;
      for (const same of [index, index + BigInt(indices) - 1n])
        if (xarrayEntry(memory, at, head, same) !== entry) wrong.push({ mapping, same, entry });
    }
    const kept = Number(number(mapping, 'address_space', 'nrpages'));
    if (count !== kept) wrong.push({ mapping, count, kept });
    pages += count;
  }
  expect(wrong).toEqual([]);
  expect(pages).toBeGreaterThan(10000);
  // Huge pages are one entry since 6.1 has XARRAY_MULTI.
  expect(orders.has(9)).toBe(name !== 'debian-5.10-lzo');
  close();
});
