// SPDX-License-Identifier: Apache-2.0
// What users' dumps, machines and command lines are like: each case was met, or told of in a bug report.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { compile } from '../build/compiled.js';
import { elfCore, kdump, type Packing } from '../build/files.js';
import { type Contents, contentsOf, framesOf } from '../build/recoded.js';
import { dumpFolder } from '../build/recorded.js';
import { gcc, type Need, needing, recordedHosts, xz } from '../needs.js';
import { FIXTURES, kvmVtop, LIMIT, ROOT, type Run, SHARED } from '../run.js';

const DUMP = join(FIXTURES, 'debian-6.1', 'vmcore.kdump');
const ONE = ['-g', '136', '-p', '1001840'];
const ANSWER = /^1001840 +7f5763e01840 +f601840 *$/m;
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-users-'));
const file = (name: string, bytes: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

let contents: Contents;
beforeAll(async () => {
  contents = await contentsOf(DUMP);
});
const repacked = (packing: Packing): string =>
  file(
    `${packing}.kdump`,
    kdump({
      version: 6,
      packing,
      pages: contents.pages,
      frames: framesOf(contents),
      notes: [{ name: 'VMCOREINFO', type: 0, desc: contents.info }],
    }),
  );

/** One line on standard error, nothing on standard output, exit status 2. */
function expectRefusal(run: Run, message: RegExp): void {
  expect(run).toMatchObject({ status: 2, stdout: '' });
  expect(run.stderr).toMatch(message);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
}

describe('the header of a kdump file', () => {
  /** The six texts of its utsname, four bytes too early: makedumpfile before 1.6.9 with Linux 5.11 and later. */
  const shifted = (): Buffer => {
    const bytes = readFileSync(DUMP);
    bytes.copyWithin(12, 16, 402);
    return bytes.fill(0, 398, 402);
  };
  const named = (machine: string): Buffer => {
    const bytes = readFileSync(DUMP);
    bytes.fill(0, 12 + 4 * 65, 12 + 5 * 65).write(machine, 12 + 4 * 65, 'latin1');
    return bytes;
  };

  test('texts four bytes too early are nothing to go by: the kernel in memory decides', () => {
    expect(kvmVtop(['-c', file('shifted', shifted()), ...ONE]).stdout).toMatch(ANSWER);
  });

  test.each(['', '64', 'x86_64', 'garbage', '\x1b[31m'])('machine %j is not another machine', (machine) => {
    expect(kvmVtop(['-c', file('machine', named(machine)), ...ONE]).stdout).toMatch(ANSWER);
  });

  test.each(['aarch64', 's390x', 'ppc64le', 'i686', 'armv7l'])('machine %s is refused', (machine) => {
    expectRefusal(kvmVtop(['-c', file('other', named(machine)), ...ONE]), new RegExp(`a dump of machine ${machine};`));
  });
});

describe('a user whose cache folder can not be made', () => {
  const kvmKo = join(SHARED, 'debug', '6.1.0-50-amd64', 'kvm.ko.xz');
  const byModule = ['-c', DUMP, ...ONE, '--kvm-module', kvmKo];
  const { test: withHosts } = needing(recordedHosts);

  withHosts('a home folder in which the system says ENOENT of everything', () => {
    const environment = { ...process.env, HOME: '/proc', XDG_CACHE_HOME: '' };
    expect(kvmVtop(byModule, '', environment)).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
    const output = join(folder, 'layout.json');
    expect(
      kvmVtop(['layout', '-c', join(dumpFolder('debian-6.1-zlib'), 'vmcore'), '-o', output], '', environment).status,
    ).toBe(0);
  });

  withHosts.each(['', 'relative'])('no home folder (HOME=%j)', (home) => {
    const environment = { ...process.env, HOME: home, XDG_CACHE_HOME: home };
    expect(kvmVtop(byModule, '', environment)).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
  });

  const root: Need = { name: 'root', isThere: () => process.getuid?.() === 0, installable: false };
  needing(recordedHosts, root).test('a user who is not in passwd, as in a container', () => {
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'HOME'));
    const as = ['--reuid=4242', '--regid=4242', '--clear-groups', process.execPath, join(ROOT, 'dist', 'cli.js')];
    const run = spawnSync('setpriv', [...as, ...byModule], { env: environment, encoding: 'utf8', timeout: LIMIT });
    expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
  });
});

describe('a limit of address space, as batch systems set it', () => {
  const limited = (args: readonly string[]): Run =>
    spawnSync(
      'sh',
      ['-c', 'ulimit -v 8388608; exec "$0" "$@"', process.execPath, join(ROOT, 'dist', 'cli.js'), ...args],
      {
        encoding: 'utf8',
        timeout: LIMIT,
      },
    );

  test.each(['zstd', 'snappy'] as const)('%s pages: one line that names the limit', (packing) => {
    const path = repacked(packing);
    expect(kvmVtop(['-c', path, ...ONE]).stdout).toMatch(ANSWER);
    expectRefusal(
      limited(['-c', path, ...ONE]),
      new RegExp(`the ${packing} decoder can't be started: .*; it is WebAssembly, .*ulimit -v`),
    );
  });

  test.each(['zlib', 'lzo', 'raw'] as const)('%s pages need none', (packing) => {
    expect(limited(['-c', repacked(packing), ...ONE]).stdout).toMatch(ANSWER);
  });

  needing(gcc, xz).test('kvm.ko.xz: one line', () => {
    const object = compile('int nothing;');
    spawnSync('xz', ['-k', object]);
    expectRefusal(
      limited(['-c', DUMP, ...ONE, '--kvm-module', `${object}.xz`]),
      /xz could not be decoded: .*; unpack it with xz -d/,
    );
  });

  test('--jitless, without WebAssembly', () => {
    const args = ['--jitless', join(ROOT, 'dist', 'cli.js'), '-c', repacked('zstd'), ...ONE];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: LIMIT });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^kvm-vtop: the zstd decoder can't be started: /m);
  });
});

describe('--vmlinux and --kvm-module with a file that is neither', () => {
  const boot = Buffer.alloc(4096);
  boot.write('MZ', 0);
  boot.write('HdrS', 0x202);
  test.each<readonly [string, () => string, RegExp]>([
    ['text', () => join(ROOT, 'README.md'), /README\.md: not an ELF file; vmlinux with debug information is needed/],
    ['an empty file', () => file('nothing', ''), /nothing: not an ELF file/],
    ['vmlinuz', () => file('vmlinuz', boot), /vmlinuz: a boot image \(vmlinuz\), not an ELF file; vmlinux with/],
    ['the dump', () => DUMP, /vmcore\.kdump: not an ELF file/],
    ['a program', () => process.execPath, /: a program, not a kernel; vmlinux with debug information is needed/],
  ])('%s', (_name, path, message) => {
    expectRefusal(kvmVtop(['-c', DUMP, ...ONE, '--vmlinux', path()]), message);
    expectRefusal(kvmVtop(['-c', DUMP, ...ONE, '--kvm-module', path()]), /not an ELF|not a kernel module/);
  });
});

describe("Xen's dumps and AVML's images are named, with the way out", () => {
  /** `xl dump-core`: an ELF core with sections and without program headers. */
  const domain = (): Buffer => {
    const names = Buffer.from('\0.note.Xen\0.shstrtab\0');
    const header = elfCore({ segments: [] }).subarray(0, 64);
    header.writeBigUInt64LE(0n, 32);
    header.writeUInt16LE(0, 56);
    header.writeBigUInt64LE(64n, 40);
    header.writeUInt16LE(64, 58);
    header.writeUInt16LE(3, 60);
    header.writeUInt16LE(2, 62);
    const sections = Buffer.alloc(3 * 64);
    const section = (index: number, name: number, type: number, offset: number, size: number): void => {
      sections.writeUInt32LE(name, index * 64);
      sections.writeUInt32LE(type, index * 64 + 4);
      sections.writeBigUInt64LE(BigInt(offset), index * 64 + 24);
      sections.writeBigUInt64LE(BigInt(size), index * 64 + 32);
    };
    section(1, 1, 7, 64 + 192, 0);
    section(2, 11, 3, 64 + 192, names.length);
    return Buffer.concat([header, sections, names]);
  };
  const hypervisor = (name: string): Buffer =>
    kdump({
      version: 6,
      packing: 'zlib',
      pages: new Map([[0, Buffer.alloc(4096)]]),
      frames: 1,
      notes: [{ name, type: 0x1000001, desc: Buffer.alloc(8) }],
    });
  const avml = Buffer.alloc(64);
  avml.write('EMiL\x02', 0, 'latin1');

  test.each<readonly [string, () => Uint8Array, RegExp]>([
    ["'xl dump-core'", domain, /xen: a dump of a Xen domain .*; only KVM hosts are read; crash reads it/],
    [
      "'makedumpfile -X'",
      () => hypervisor('Xen'),
      /xen: a dump of a Xen hypervisor with its domain 0; .*; crash reads it/,
    ],
    ['the hypervisor text', () => hypervisor('VMCOREINFO_XEN'), /xen: a dump of a Xen hypervisor/],
    ['AVML', () => avml, /xen: a compressed memory image of AVML .*; unpack it first: avml-convert/],
  ])('%s', (_name, bytes, message) => {
    const path = file('xen', bytes());
    const run = kvmVtop(['-c', path, ...ONE]);
    expectRefusal(run, message);
    expect(run.stderr.split(path)).toHaveLength(2);
  });
});

describe('text files from other systems', () => {
  const asked = '1001840\r\n840\r\n';
  const ask = (input: string | Buffer) => {
    const args = [join(ROOT, 'dist', 'cli.js'), '-c', DUMP, '-g', '136', '-p', '-', '--json'];
    return spawnSync(process.execPath, args, { input, encoding: 'utf8', timeout: LIMIT });
  };

  test('a mark of UTF-8 in front of the first address is passed over', () => {
    expect(ask(`\ufeff${asked}`)).toMatchObject({ status: 0, stdout: ask(asked).stdout });
    expect(ask(asked).stdout.split('\n')).toHaveLength(3);
  });

  test('a mark that comes byte by byte', async () => {
    const args = ['dist/cli.js', '-c', DUMP, '-g', '136', '-p', '-', '--json'];
    const answerTo = async (...pieces: readonly string[]): Promise<string> => {
      const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] });
      const closed = new Promise((resolve) => child.once('close', resolve));
      // It may have ended before all was written.
      child.stdin.on('error', () => undefined);
      let out = '';
      child.stdout.on('data', (data: Buffer) => (out += data.toString()));
      child.stderr.on('data', (data: Buffer) => (out += data.toString()));
      for (const piece of pieces) {
        child.stdin.write(Buffer.from(piece, 'latin1'));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      child.stdin.end();
      await closed;
      return out;
    };
    expect(await answerTo('\xff', '\xfe1\0', '\n\0')).toMatch(/^kvm-vtop: standard input is text in UTF-16/);
    expect(await answerTo('\xef', '\xbb', '\xbf840\n')).toMatch(/^\{"gpa":"0x840"/);
    expect(await answerTo('8', '40\n')).toMatch(/^\{"gpa":"0x840"/);
  });

  test('UTF-16 is named', () => {
    expectRefusal(
      ask(Buffer.from(`\ufeff${asked}`, 'utf16le')),
      /standard input is text in UTF-16; turn it into plain text: iconv/,
    );
  });

  test.each<readonly [string, (text: string) => Buffer]>([
    ['lines that end in CR LF', (text) => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')],
    ['a mark of UTF-8', (text) => Buffer.from(`\ufeff${text}`)],
  ])('--vmcoreinfo with %s', (_name, turn) => {
    const info = file('info', turn(contents.info.toString('latin1')));
    expect(kvmVtop(['-c', DUMP, ...ONE, '--vmcoreinfo', info])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(ANSWER),
    });
  });

  test('--vmcoreinfo in UTF-16 is named', () => {
    const info = file('wide', Buffer.from(`\ufeff${contents.info.toString('latin1')}`, 'utf16le'));
    expectRefusal(
      kvmVtop(['-c', DUMP, ...ONE, '--vmcoreinfo', info]),
      /wide is text in UTF-16; turn it into plain text: iconv/,
    );
  });
});

describe('what is not there is called what it is', () => {
  const { test: withHosts } = needing(recordedHosts);
  const dump = (host: string): string => join(dumpFolder(host), 'vmcore');

  withHosts('memory that /proc/vmcore leaves out is not called none of the machine', () => {
    const { stdout, status } = kvmVtop(['phys', '-c', dump('debian-6.1-zlib'), '1000']);
    expect(status).toBe(2);
    expect(stdout).toMatch(
      /the dump does not cover this frame: it is not memory, or in what \/proc\/vmcore leaves out/,
    );
  });

  withHosts(
    'a page of shared memory or of a file may be in the page cache or in swap; one of private memory is not there',
    () => {
      const states = readFileSync(join(dumpFolder('debian-6.12-facts'), 'truth.txt'), 'latin1').matchAll(
        /^STATE states (\S+) \S+ (\S+)/gm,
      );
      const gpaOf = new Map([...states].map(([, gpa = '', kind = '']) => [kind, gpa]));
      const message = (kind: string): string => {
        const run = kvmVtop(['-c', dump('debian-6.12-facts'), '-g', '216', '-p', gpaOf.get(kind) ?? '', '--json']);
        return (JSON.parse(run.stdout) as { message: string }).message;
      };
      for (const kind of ['shmem-swapped', 'shmem-absent', 'memfd-unmapped', 'file-private-absent'])
        expect([kind, message(kind)]).toEqual([
          kind,
          expect.stringMatching(/maps nothing there; the page may be in the page cache or in swap$/),
        ]);
      expect(message('untouched')).toMatch(/^the P\w\w entry is empty: no page has been put there$/);
    },
  );

  withHosts.each([
    ['debian-5.10-lzo', '151', '150'],
    ['debian-6.1-zlib', '154', '153'],
    ['debian-6.1-zlib', '0x9a', '153'],
  ])('%s: the creator of a VM has exited, another process holds it', (host, creator, holder) => {
    const { stdout, stderr } = kvmVtop(['-c', dump(host), '-g', creator, '-p', '0', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      pid: Number(holder),
      state: 'not-present',
      reason: 'address-space-gone',
    });
    const asHolder = kvmVtop(['-c', dump(host), '-g', holder, '-p', '0', '--json']);
    expect(stdout).toBe(asHolder.stdout);
    expect(stderr).toMatch(
      new RegExp(
        `^kvm-vtop: pid ${Number(creator)} made the VM and does not hold it any more: pid ${holder} \\(.*\\) holds it now$`,
        'm',
      ),
    );
  });

  test('a dump that ends too early: that comes first', () => {
    const cut = file('cut.kdump', readFileSync(DUMP).subarray(0, 60_000));
    expectRefusal(
      kvmVtop(['-c', cut, ...ONE]),
      /^kvm-vtop: the dump is truncated or incomplete: init_uts_ns at 0x[0-9a-f]+ is in the part that is missing \(/,
    );
  });

  test('an address space that does not exist: which there are', () => {
    expectRefusal(
      kvmVtop(['-c', DUMP, ...ONE, '--address-space', '2']),
      /^kvm-vtop: address space 2 does not exist; valid: 0, 1$/m,
    );
  });
});

describe('the command line of a beginner', () => {
  test('help COMMAND', () => {
    expect(kvmVtop(['help', 'phys'])).toMatchObject({ status: 0, stdout: kvmVtop(['phys', '--help']).stdout });
    expect(kvmVtop(['help'])).toMatchObject({ status: 0, stdout: kvmVtop(['--help']).stdout });
  });

  test.each<readonly [string, readonly string[], RegExp]>([
    ['a dump without -c', [DUMP], /-c is missing: a dump is named by an option: -c .*vmcore\.kdump$/m],
    ['and with other options', [...ONE, DUMP], /-c is missing: a dump is named by an option: -c /],
    [
      'a command that does not exist',
      ['nosuch', '-c', DUMP],
      /'nosuch' is neither a command \(.*phys.*\) nor a hexadecimal address/,
    ],
    ['a file in an address’s place', ['-c', DUMP, ...ONE, 'README.md'], /'README\.md' is not a hexadecimal address/],
    [
      'a file that is not a dump',
      ['-c', join(ROOT, 'README.md'), ...ONE],
      /^kvm-vtop: \S+README\.md: not a dump of a known form; [^/]*$/m,
    ],
  ])('%s', (_name, args, message) => {
    expectRefusal(kvmVtop(args), message);
  });
});
