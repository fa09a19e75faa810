// SPDX-License-Identifier: Apache-2.0
// The program as its users meet it: wrong input, exit codes, streams.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { elfCore, kdump } from '../build/files.js';
import { fullDevice, needing, recordedHosts } from '../needs.js';
import { FIXTURES, kvmVtop, ROOT, SHARED } from '../run.js';

const DUMP = join(FIXTURES, 'debian-6.1', 'vmcore.kdump');
const ALPHA = ['-c', DUMP, '-g', '136'];
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-cli-'));
const file = (name: string, bytes: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const noInfo = () => elfCore({ segments: [{ paddr: 0, bytes: Buffer.alloc(4096) }] });
const kernel = (text: string) =>
  elfCore({
    segments: [{ paddr: 0, bytes: Buffer.alloc(4096) }],
    notes: [{ name: 'VMCOREINFO', type: 0, desc: Buffer.from(text) }],
  });
const BARE = 'OSRELEASE=4.18.0-240.el8.x86_64\nSYMBOL(swapper_pg_dir)=ffffffff82000000\nNUMBER(phys_base)=0\n';

describe('wrong input: one line that says what, exit status 2, nothing on standard output', () => {
  test.each<readonly [string, readonly string[], RegExp]>([
    ['no such file', ['-c', '/nowhere/vmcore', '-g', '1', '-p', '0'], /^kvm-vtop: \/nowhere\/vmcore: no such file$/],
    ['a folder', ['-c', folder, '-g', '1', '-p', '0'], /is a directory; a dump is needed/],
    ['an empty file', ['-c', file('empty', ''), '-g', '1', '-p', '0'], /the file is empty/],
    ['not a dump', ['-c', file('text', 'hello world\n'), '-g', '1', '-p', '0'], /text.*not a dump in a known format/],
    [
      'a truncated header',
      ['-c', file('cut', readFileSync(DUMP).subarray(0, 300)), '-g', '1', '-p', '0'],
      /cut is truncated or damaged: its kdump header at 0x0 needs 464 bytes, but the file ends at 0x12c/,
    ],
    [
      'a dump cut before its pages',
      ['-c', file('cut2', readFileSync(DUMP).subarray(0, 60000)), '-g', '136', '-p', '0'],
      /truncated/,
    ],
    ['no VMCOREINFO', ['-c', file('noinfo', noInfo()), '-g', '1', '-p', '0'], /no VMCOREINFO in the dump/],
    [
      'a kernel that names no kallsyms',
      ['-c', file('rhel8', kernel(`${BARE}SYMBOL(_stext)=ffffffff81000000\n`)), '-g', '1', '-p', '0'],
      /kernel 4\.18\.0-240\.el8\.x86_64: .*kallsyms/,
    ],
    [
      'VMCOREINFO without phys_base',
      ['-c', file('nophys', kernel('OSRELEASE=6.1.0\n')), '-g', '1', '-p', '0'],
      /VMCOREINFO has no NUMBER\(phys_base\)/,
    ],
    [
      'an ELF of another machine',
      ['-c', file('arm', elfCore({ segments: [], machine: 183 })), '-g', '1', '-p', '0'],
      /an ELF file of architecture aarch64/,
    ],
    [
      'a kdump of another machine',
      [
        '-c',
        file('s390', kdump({ version: 6, packing: 'raw', pages: new Map(), frames: 1, machine: 's390x' })),
        '-g',
        '1',
        '-p',
        '0',
      ],
      /a dump of architecture s390x/,
    ],
    ['no -c', ['-g', '1', '-p', '0'], /-c is missing/],
    ['no -g', ['-c', DUMP, '-p', '0'], /-g is missing: the pid or task_struct/],
    ['no address from standard input', [...ALPHA, '-p', '-'], /no address came from standard input/],
    ['options in front of a command', [...ALPHA, 'excerpt', '-p', '0'], /-c stands before 'excerpt'/],
    ['no address', ALPHA, /-p is missing/],
    ['an address that is none', [...ALPHA, '-p', '0', '12x'], /'12x' is not a hexadecimal address/],
    ['one with a control character', [...ALPHA, '-p', '12\u001b[31m'], /'12\\x1b\[31m' is not a hexadecimal address/],
    ['no number of an address space', [...ALPHA, '-p', '0', '--address-space', 'smm'], /address-space/],
    [
      'an address space that is not there',
      [...ALPHA, '-p', '0', '--address-space', '2'],
      /address space 2 does not exist; valid: 0, 1/,
    ],
    ['an unknown style', [...ALPHA, '-p', '0', '--style', '1999'], /style/],
    ['an unknown option', [...ALPHA, '-p', '0', '--frobnicate'], /unknown option/],
    [
      'several VMs',
      ['-c', DUMP, '-g', '150', '-p', '0'],
      /several VMs; choose with --vm:\n.*fd 4 .*slots 4 .*\n.*fd 6 .*slots 203 \+ 1 in address space 1/,
    ],
    ['a word for a process', ['-c', DUMP, '-g', 'qemu', '-p', '0'], /-g 'qemu' is no pid/],
  ])('%s', (_name, args, message) => {
    const { status, stdout, stderr } = kvmVtop(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr).toMatch(/^kvm-vtop: /);
    // One line, and one for each VM where they are listed.
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('  fd ')),
    ).toHaveLength(1);
    expect(stderr).not.toMatch(/internal error|at .*\.js:\d/);
  });

  const withHosts = needing(recordedHosts);
  const whole = ['-c', join(SHARED, 'dumps', 'debian-6.1-zlib', 'vmcore')];
  withHosts.test('a pid that does not exist, with the processes that hold VMs', () => {
    const { status, stdout, stderr } = kvmVtop([...whole, '-g', '99999', '-p', '0']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      'kvm-vtop: no process or task_struct 99999 in the dump; processes that hold VMs: 136 (qemu-system-x86, fd 9), ' +
        '142 (qemu-system-x86, fd 9), 150 (two-vms, fd 4 6), 153 (orphan-holder, fd 5), 156 (protnone, fd 4)\n',
    );
  });

  withHosts.test('no -g: the processes that hold VMs', () => {
    expect(kvmVtop(whole).stderr).toMatch(/^kvm-vtop: -g is missing: .*; processes that hold VMs: 136 .*156/);
  });

  withHosts.test('a process without a VM', () => {
    const { status, stderr } = kvmVtop([...whole, '-g', '1', '-p', '0']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^kvm-vtop: pid 1 \(\w+\) holds no VM; processes that hold VMs: 136/);
  });

  test('a structure on a page that the dump leaves out: which structure, which page', () => {
    const { status, stderr } = kvmVtop(['-c', DUMP, '-g', '99999', '-p', '0']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/at 0xffff[0-9a-f]{12}.*: physical page 0x[0-9a-f]+: the file is an excerpt/);
  });
});

describe('exit status', () => {
  test.each([
    ['0: every address got an HPA', ['0', '840'], 0],
    ['1: some have none', ['0', 'ffffffffff'], 1],
    ['1: none has one', ['ffffffffff'], 1],
    ['1: swapped', ['3000840'], 1],
  ])('%s', (_name, addresses, status) => {
    expect(kvmVtop([...ALPHA, '-p', ...addresses]).status).toBe(status);
  });

  test('help and version are 0 and on standard output', () => {
    const help = kvmVtop(['--help']);
    expect(help.status).toBe(0);
    expect(help.stdout).toMatch(/kvm-vtop -c vmcore -g 191579 -p 34de5840/);
    expect(kvmVtop(['excerpt', '--help']).stdout).toMatch(
      /no memory\s+of\s+the\s+guest,\s+but\s+whole\s+pages\s+of\s+the\s+host's\s+kernel/,
    );
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(kvmVtop(['--version']).stdout.trim()).toBe(version);
  });
});

describe('the command line', () => {
  const gpas = (args: readonly string[]) =>
    kvmVtop([...args, '--json'])
      .stdout.trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { gpa: string }).gpa);

  test('addresses behind -p, and left over elsewhere, in the order given', () => {
    expect(gpas([...ALPHA, '-p', '0', '840', '2000'])).toEqual(['0x0', '0x840', '0x2000']);
    expect(gpas(['-p', '840', '-c', DUMP, '-g', '136', '2000'])).toEqual(['0x840', '0x2000']);
    expect(gpas([...ALPHA, '-p', '0x840', '-p', '0X2000'])).toEqual(['0x840', '0x2000']);
  });

  test('the text of several addresses: a block each, a blank line between', () => {
    const { stdout } = kvmVtop([...ALPHA, '-p', '840', 'fffffffff', '2000']);
    const blocks = stdout.split(/\n\n(?=GUEST PHYSICAL)/);
    expect(blocks).toHaveLength(3);
    expect(blocks[1]).toBe(
      'GUEST PHYSICAL    HOST VIRTUAL      HOST PHYSICAL   \nfffffffff         -                 (no-memslot)    ',
    );
    expect(stdout.endsWith('\n')).toBe(true);
    expect(stdout.endsWith('\n\n')).toBe(false);
  });

  test('lines that are no address are blocks of their own, with their control characters escaped', () => {
    const { stdout, status } = kvmVtop([...ALPHA, '-p', '-'], 'no\x1b[31m\n840\n\n');
    const heads = stdout.split(/\n\n(?=GUEST PHYSICAL)/).map((text) => text.split('\n')[1]?.replace(/ +/g, ' ').trim());
    expect(heads).toEqual(['no\\x1b[31m - (invalid)', expect.stringMatching(/^840 7f/), '- (invalid)']);
    expect(status).toBe(1);
  });

  test("--style 2012 has the mail's labels and columns", () => {
    const { stdout } = kvmVtop([...ALPHA, '-p', '840', '3000840', '--style', '2012']);
    expect(stdout).toBe(`GUEST PHYSICAL    HOST VIRTUAL      HOST PHYSICAL
840               7f5762e00840      dc00840

   PML: 18e47f0 => 44fe0067
   PUD: 44fe0ae8 => 5c96067
   PMD: 5c968b8 => 800000000dc008e7
  PAGE: dc00000  (2MB)

      PTE         PHYSICAL  FLAGS
800000000dc008e7   dc00000  (PRESENT|RW|USER|ACCESSED|DIRTY|PSE|NX)

      VMA           START       END     FLAGS FILE
ffff8dfd8256a130 7f5762e00000 7f576be00000 28120073

      PAGE       PHYSICAL      MAPPING       INDEX CNT FLAGS
fffff8c500370000  dc00000 ffff8dfd85cbf1a1 7f5762e00  1 fffffc00b003e

GUEST PHYSICAL    HOST VIRTUAL      HOST PHYSICAL
3000840           7f5765e00840      (not mapped)

   PML: 18e47f0 => 44fe0067
   PUD: 44fe0ae8 => 5c96067
   PMD: 5c96978 => 5cf0067
   PTE: 5cf0000 => 7fffffffff1f60a

      PTE          SWAP    OFFSET
7fffffffff1f60a  /dev/vdd   1796

      VMA           START       END     FLAGS FILE
ffff8dfd8256a130 7f5762e00000 7f576be00000 28120073

SWAP: /dev/vdd  OFFSET: 1796
`);
  });

  test('PROT_NONE pages: the true address, where crash prints an inverted one', () => {
    const { stdout } = kvmVtop(['-c', DUMP, '-g', '156', '-p', '10840']);
    expect(stdout).toMatch(/^10840 +7f622d77d840 +15a46840 *$/m);
    expect(stdout).toMatch(/PTE: 43ceebe8 => fffffea5b9960\n {2}PAGE: 15a46000 /);
    expect(stdout).toMatch(/^fffffea5b9960 {2}15a46000 {2}\(ACCESSED\|DIRTY\|PROTNONE\|GLOBAL\)$/m);
    expect(stdout).toMatch(/^[0-9a-f]{16} 15a46000 /m);
  });

  test('-v tells on standard error what was found where, and the time of each step', () => {
    const { stdout, stderr } = kvmVtop([...ALPHA, '-p', '840', '--json', '-v']);
    for (const text of [
      /kdump-compressed version 6, an excerpt, kernel 6\.1\.0-50-amd64/,
      /symbols: 94101 in kallsyms/,
      /types: BTF of vmlinux/,
      /descriptor 9, struct kvm at 0x/,
      /6 memslots/,
      /^open: [0-9.]+ ms$/m,
    ])
      expect(stderr).toMatch(text);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('streams', () => {
  const many = Array.from({ length: 200_000 }, (_, i) => ((i % 30000) * 4096).toString(16)).join('\n');

  test('a reader that closes early ends the program quietly', () => {
    const path = file('many', many);
    const run = spawnSync(
      'sh',
      [
        '-c',
        `{ "${process.execPath}" dist/cli.js -c "${DUMP}" -g 136 -p - --json < "${path}"; echo "status $?" >&2; } | head -3`,
      ],
      { cwd: ROOT, encoding: 'utf8' },
    );
    expect(run.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(run.stderr.trim()).toBe('status 0');
  });

  needing(fullDevice).test('a full disk is an error for help too', () => {
    const run = spawnSync('sh', ['-c', `"${process.execPath}" dist/cli.js --help > /dev/full`], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(run).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^kvm-vtop: standard output: .*ENOSPC.*\n$/),
    });
  });

  needing(fullDevice).test('a full disk behind standard output is an error, without a stack', () => {
    const run = spawnSync('sh', ['-c', `"${process.execPath}" dist/cli.js -c "${DUMP}" -g 136 -p 0 > /dev/full`], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(run.status).toBe(2);
    expect(run.stderr).toMatch(/^kvm-vtop: standard output: .*ENOSPC.*\n$/);
  });

  test('an address that comes alone is answered before the next one comes', async () => {
    const child = spawn(process.execPath, ['dist/cli.js', ...ALPHA, '-p', '-', '--json'], { cwd: ROOT });
    const answer = () =>
      new Promise<string>((resolve) =>
        child.stdout.once('data', (data: Buffer) => {
          resolve(data.toString());
        }),
      );
    for (const gpa of ['840', '1840']) {
      const next = answer();
      child.stdin.write(`${gpa}\n`);
      expect(JSON.parse(await next)).toMatchObject({ gpa: `0x${gpa}`, state: 'mapped' });
    }
    child.stdin.end();
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });

  test('200,000 addresses in, as many lines out', () => {
    const { stdout } = kvmVtop([...ALPHA, '-p', '-', '--json'], many);
    expect(stdout.trimEnd().split('\n')).toHaveLength(200_000);
  });
});
