// SPDX-License-Identifier: Apache-2.0
// A guest writes its own memory: page tables, VMCOREINFO and log of a hostile one. Whatever they are, the host's answers do not
// depend on them, each command ends, and an error is one line.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { kdump } from '../build/files.js';
import { OBEYED } from '../build/hostile.js';
import { type Contents, contentsOf, wishOf } from '../build/recoded.js';
import { scratch } from '../build/scratch.js';
import { FIXTURES, kvmVtop, type Run } from '../run.js';

const DUMP = join(FIXTURES, 'debian-7.2-guest-kernel', 'vmcore.kdump');
const PAGE = 4096;
/** A page of process 1 of the guest, and the guest physical addresses of the entries that map it, from the top down. */
const GVA = '7f33e34e9000';
const [PML4, PDPT, PD, PT] = [0x27257f0, 0x282b678, 0x27388d0, 0x28fc748] as const;
/** The page with VMCOREINFO, the ring of the log, its first descriptor and text. */
const [INFO, RING, TEXT] = [0x1369000, 0x7282920, 0x7eb7fc0] as const;
const TASK = ['-g', 'alpha', '--gva', '--gtask', '1'];

/** Bytes that the guest writes at guest physical addresses. */
type Changes = readonly (readonly [number, Buffer])[];

let contents: Contents;
let frames: ReadonlyMap<number, number>;
const path = scratch('hostile-guest').file('');

interface Line {
  readonly record: string;
  readonly gpa: string;
  readonly hpa: string | null;
  readonly size: number;
}
const linesOf = ({ stdout }: Run): readonly Line[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

/** By page number of the guest, the frame of the host. */
function framesOfGuest(): ReadonlyMap<number, number> {
  const runs = linesOf(kvmVtop(['map', '-c', DUMP, '-g', 'alpha', '--json'])).filter(({ hpa }) => hpa != null);
  return new Map(
    runs.flatMap(({ gpa, hpa, size }) =>
      Array.from({ length: size / PAGE }, (_, i) => [Number(gpa) / PAGE + i, Number(hpa) / PAGE + i] as const),
    ),
  );
}

/** Writes the dump of a host whose guest has written these bytes. */
function write(changes: Changes): void {
  const pages = new Map(contents.pages);
  for (const [gpa, bytes] of changes) {
    const frame = frames.get(Math.floor(gpa / PAGE)) ?? -1;
    const page = Buffer.from(pages.get(frame) as Buffer);
    bytes.copy(page, gpa % PAGE);
    pages.set(frame, page);
  }
  writeFileSync(path, kdump(wishOf({ ...contents, pages }, 'raw')));
}

const word = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
};
const to = (page: number, flags = 0x67n): Buffer => word((BigInt(page) << 12n) | flags);
const tableOf = (entry: number): number => Math.floor(entry / PAGE);
/** All entries of the table with this one, or its first ones. */
const filled = (entry: number, value: Buffer, count = 512): Changes => [
  [tableOf(entry) * PAGE, Buffer.concat(Array.from({ length: count }, () => value))],
];
const text = (): string => (contents.pages.get(frames.get(INFO / PAGE) as number) as Buffer).toString('latin1');
/** VMCOREINFO with another text; the rest of its page is zeros. */
const info = (made: string): Changes => [
  [INFO, Buffer.alloc(PAGE).fill(Buffer.from(made.padEnd(PAGE, '\0'), 'latin1'), 0)],
];
const line = (key: string, value: string): Changes =>
  info(text().replace(new RegExp(`^${key.replace(/[()]/g, '\\$&')}=.*$`, 'm'), `${key}=${value}`));

/** What the host says of pages of the guest. */
const ofHost = (dump: string): Run =>
  kvmVtop(['-c', dump, '-g', 'alpha', '--json', '-p', '0', '328a000', '84de000', '2725000']);

beforeAll(async () => {
  contents = await contentsOf(DUMP);
  frames = framesOfGuest();
});
let truth: Run;
beforeAll(() => {
  truth = ofHost(DUMP);
});

/** Runs that read the changed memory; none may fail in another way than by one line, or write what a terminal obeys. */
function ask(command: readonly string[]): Run {
  const run = kvmVtop(command);
  for (const out of [run.stdout, run.stderr]) expect(out.replaceAll(/[\n\t]/g, '')).not.toMatch(OBEYED);
  expect(run.stderr).not.toMatch(/internal error|^ {4}at /m);
  expect([0, 1, 2]).toContain(run.status);
  return run;
}
const log = (): Run => ask(['log', '-c', path, '-g', 'alpha']);
const virtual = (): Run => ask(['-c', path, ...TASK, '--json', '-p', GVA]);

afterEach(() => {
  expect(ofHost(path)).toEqual(truth);
});

describe('page tables', () => {
  test.each<[string, () => Changes, object]>([
    ['unchanged', () => [], { state: 'mapped', gpa: '0x328a000' }],
    ['an entry of the PML4 to itself', () => [[PML4, to(tableOf(PML4))]], { state: 'not-present', gpa: null }],
    ['all entries of a PD to itself', () => filled(PD, to(tableOf(PD))), { state: 'mapped', gpa: '0x2738000' }],
    ['a table outside of every memslot', () => [[PD, to(0xfffffffff)]], { state: 'table-missing', gpa: null }],
    ['a table in device memory', () => [[PD, to(0xfee00)]], { state: 'table-missing', gpa: null }],
    ['a page outside of every memslot', () => [[PT, to(0xffffffffff)]], { state: 'no-memslot', hpa: null }],
    ['a page in device memory', () => [[PT, to(0xfee00)]], { state: 'no-memslot', hpa: null, gpa: '0xfee00000' }],
    ['a huge page in the PML4', () => [[PML4, to(0x282b, 0xe7n)]], { state: 'damaged', gpa: null }],
    ['reserved bits in a huge page', () => [[PD, word(0x328a0e7n)]], { state: 'damaged', gpa: null }],
    ['a page of 1 GiB that is larger than the memory', () => [[PDPT, to(0x40000, 0xe7n)]], { state: 'no-memslot' }],
  ])('%s', (_, changes, expected) => {
    write(changes());
    expect(linesOf(virtual())).toMatchObject([expected]);
    const read = ask(['read', '-c', path, ...TASK, '-p', GVA, '-n', '8192']);
    expect(read.stdout).not.toBe('');
    ask(['search', '-c', path, ...TASK, '-s', 'nothing', '-p', '7f3300000000+100000000']);
  });

  test('that lead to themselves at all addresses: the memory of a process is not listed without end', () => {
    write(filled(PML4, to(tableOf(PML4)), 256));
    const { status, stdout, stderr } = ask(['hva', '-c', path, '--guest', 'alpha', '-g', '1', '--all', '--json']);
    expect([status, stdout.length < 2 ** 30]).toEqual([2, true]);
    expect(stderr).toMatch(/^kvm-vtop: page tables: more than 1024 entries lead to tables that others lead to, /m);
  });
});

describe('VMCOREINFO', () => {
  const SOME = /^kvm-vtop: [^\n]+\n/;
  test.each<[string, () => Changes, number, RegExp]>([
    ['unchanged', () => [], 0, /^$/],
    ['KERNELOFFSET is wrong', () => line('KERNELOFFSET', 'ffffffff'), 0, /^$/],
    ['phys_base is wrong', () => line('NUMBER(phys_base)', '-1'), 2, SOME],
    ['phys_base has more than 64 bits', () => line('NUMBER(phys_base)', '99999999999999999999'), 2, SOME],
    ['other page tables', () => line('NUMBER(pgtable_l5_enabled)', '1'), 2, SOME],
    ['a huge ring', () => line('SIZE(printk_ringbuffer)', '999999999'), 2, SOME],
    ['an empty ring', () => line('SIZE(printk_ringbuffer)', '0'), 2, SOME],
    ['empty descriptors', () => line('SIZE(prb_desc)', '0'), 1, /^kvm-vtop: messages may be missing: /],
    ['huge descriptors', () => line('SIZE(prb_desc)', '999999999'), 1, /^kvm-vtop: messages may be missing: /],
    ['an offset that is outside', () => line('OFFSET(prb_desc.state_var)', '99999999'), 1, SOME],
    ['huge names', () => line('LENGTH(printk_info_device)', '999999999'), 2, /smaller than its members\n$/],
    ['a symbol that is outside', () => line('SYMBOL(prb)', 'ffffffffffffffff'), 2, /^kvm-vtop: prb at 0xf{16}: /],
    ['a symbol of a process', () => line('SYMBOL(prb)', GVA), 2, /^kvm-vtop: prb at 0x7f33e34e9000: not mapped/],
    ['no line breaks', () => info(text().replaceAll('\n', ' ')), 2, SOME],
    ['a line that never ends', () => info('A'.repeat(PAGE)), 2, SOME],
    ['lines to the end of the page', () => info(text().replace(/\0.*/s, '').padEnd(PAGE, 'SYMBOL(a)=1\n')), 0, /^$/],
    ['a release that a terminal obeys', () => line('OSRELEASE', '\x1b[31mowned\x9b2J\x07'), 2, SOME],
  ])('%s', (_, changes, status, message) => {
    write(changes());
    const run = log();
    expect([run.status, run.stdout === '']).toEqual([status, status !== 0]);
    expect(run.stderr).toMatch(message);
    virtual();
    ask(['hva', '-c', path, '--guest', 'alpha', '-g', '1', GVA]);
  });
});

describe("the kernel's log", () => {
  const u32 = (value: number): Buffer => word(BigInt(value)).subarray(0, 4);
  test.each<[string, () => Changes, number, RegExp]>([
    ['too many descriptors', () => [[RING, u32(63)]], 2, /2\^63 descriptors can't be right\n$/],
    ['no descriptors', () => [[RING, u32(0)]], 2, /2\^0 descriptors can't be right\n$/],
    ['millions of descriptors', () => [[RING, u32(26)]], 1, /^kvm-vtop: messages may be missing: /],
    ['too much text', () => [[RING + 48, u32(63)]], 2, /2\^63 bytes of text can't be right\n$/],
    ['2 GiB of text', () => [[RING + 48, u32(31)]], 1, /messages may be missing: a text of the log /],
    ['a head that is far away', () => [[RING + 24, word(1n << 61n)]], 1, /messages may be missing/],
    ['descriptors in memory of a process', () => [[RING + 8, word(BigInt(`0x${GVA}`))]], 1, /messages may be missing/],
    ['descriptors that are texts', () => [[RING + 8, word(0xffffffff98eb7fb8n)]], 1, /messages may be missing/],
    ['texts that a terminal obeys', () => [[TEXT, Buffer.from('\x1b[31m\x1b]0;owned\x07\r\n\0\u202e\u0085')]], 0, /^$/],
  ])('%s', (_, changes, status, message) => {
    write(changes());
    const run = log();
    expect(run.status).toBe(status);
    expect(run.stderr).toMatch(message);
    ask(['log', '-c', path, '--guest', 'alpha', '--panic']);
  });
});

/** Extracts the guest: the file begins with these letters, and is the only one. */
function extracted(format: string, magic: string): void {
  const target = join(dirname(path), 'guest.file');
  const { status } = ask(['extract', '-c', path, '-g', 'alpha', '-o', target, '--force', '--format', format]);
  expect([status, existsSync(target), existsSync(`${target}.partial`)]).toEqual([1, true, false]);
  expect(readFileSync(target).subarray(0, 4).toString('latin1')).toBe(magic);
}

describe('a guest', () => {
  test('that does not run KVM has no guest of its own', () => {
    write([]);
    for (const words of [['vms'], ['-g', '1', '-p', '0'], ['vms', '--guest', '1']] as const) {
      const [command = ''] = words;
      const own = command.startsWith('-') ? [] : [command];
      const { status, stdout } = ask([...own, '-c', path, '--guest', 'alpha', ...words.slice(own.length)]);
      expect([status, stdout]).toEqual([2, '']);
    }
  });

  test('can be extracted whatever its memory is; no other file is written', () => {
    write([...info('../../../tmp/owned\n'.repeat(200)), [PML4, to(tableOf(PML4))]]);
    extracted('elf', '\x7fELF');
  });

  test.each(['9223372036854775808', '-99999999999999999999'])('can be extracted with phys_base=%s', (value) => {
    const changed = text()
      .replace(/^NUMBER\(phys_base\)=.*$/m, `NUMBER(phys_base)=${value}`)
      .replace(/^SYMBOL\(init_uts_ns\)=.*\n/m, '');
    write(info(changed));
    for (const [format, magic] of [
      ['elf', '\x7fELF'],
      ['kdump', 'KDUM'],
    ] as const)
      extracted(format, magic);
  });
});
