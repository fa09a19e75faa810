// SPDX-License-Identifier: Apache-2.0
// Members of errors for programs: code, place, remedies; and which rooms may name options.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { adviceOf, errorText } from '../../src/cli/remedies.js';
import { DumpError, during, UsageError } from '../../src/core/errors.js';
import { silentLog } from '../../src/core/log.js';
import { Tasks } from '../../src/kernel/tasks.js';
import { selectVm } from '../../src/kvm/select.js';
import { type OpenDump, openDump, openImage } from '../../src/open.js';
import { checkTarget } from '../../src/write/target.js';
import { elfCore, kdump } from '../build/files.js';
import { SyntheticHost } from '../build/host.js';
import { parsed, sources, textsOf } from '../build/source.js';
import { FIXTURES, kvmVtop, ROOT } from '../run.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-errors-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const DUMP = join(FIXTURES, 'debian-6.1', 'vmcore.kdump');
function file(name: string, bytes: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}
const withInfo = (text: string) =>
  elfCore({
    segments: [{ paddr: 0, bytes: Buffer.alloc(4096) }],
    notes: [{ name: 'VMCOREINFO', type: 0, desc: Buffer.from(text) }],
  });
const BARE =
  'OSRELEASE=4.18.0\nSYMBOL(swapper_pg_dir)=ffffffff82000000\nSYMBOL(_stext)=ffffffff81000000\nNUMBER(phys_base)=0\n';
const PROFILE_OF_ANOTHER = join(ROOT, 'src', 'layouts', '5.10.0-32-amd64.json');
/** A kdump file whose header says that the sub-header has 0 blocks. */
function withoutSubHeader(): Buffer {
  const bytes = kdump({ version: 6, packing: 'raw', pages: new Map([[0, Buffer.alloc(4096)]]), frames: 1 });
  bytes.writeInt32LE(0, 432);
  return bytes;
}

async function onHost<T>(work: (dump: OpenDump) => T): Promise<T> {
  const dump = await openDump(DUMP);
  try {
    return work(dump);
  } finally {
    dump.close();
  }
}

function withoutVm(): Promise<void> {
  const host = new SyntheticHost();
  host.task(7, 'idle', host.mm().address, host.files({}));
  return Promise.resolve().then(() => {
    selectVm(host.open(silentLog), '7', null);
  });
}

const BESIDE = ['vmlinux', 'kvm-module', 'layout', 'system-map'];

describe('code and remedies of an error', () => {
  test.each<readonly [string, () => Promise<unknown>, string, readonly string[]]>([
    ['no such file', () => openImage('/nowhere/vmcore'), 'system', []],
    ['text', () => openImage(file('text', 'hello world\n')), 'not-a-dump', ['input-format']],
    ['an empty file', () => openImage(file('empty', '')), 'not-a-dump', []],
    ['another machine', () => openImage(file('arm', elfCore({ segments: [], machine: 183 }))), 'unsupported', []],
    ['compressed as a whole', () => openImage(file('gz', Buffer.from('1f8b0800', 'hex'))), 'unsupported', []],
    ['cut in its bitmap', () => openDump(file('cut', readFileSync(DUMP).subarray(0, 60_000))), 'truncated', []],
    ['a kdump header without a sub-header', () => openImage(file('void', withoutSubHeader())), 'damaged', []],
    ['an excerpt without the page', () => onHost(({ host }) => [...new Tasks(host).leaders()]), 'not-in-dump', []],
    [
      'text for a map of symbols',
      () => openDump(DUMP, { beside: { systemMap: file('map', 'hello\n') } }),
      'wrong-file',
      [],
    ],
    ["another build's profile", () => openDump(DUMP, { beside: { layout: PROFILE_OF_ANOTHER } }), 'other-build', []],
    [
      'memory of zeros',
      () => openDump(file('zeros', elfCore({ segments: [{ paddr: 0, bytes: Buffer.alloc(4096) }] }))),
      'no-kernel',
      ['vmcoreinfo'],
    ],
    ['no kallsyms', () => openDump(file('nameless', withInfo(BARE))), 'no-symbols', BESIDE],
    ['no DWARF', () => openDump(DUMP, { beside: { typesFrom: 'dwarf' } }), 'no-types', ['vmlinux', 'kvm-module']],
    ['no such folder', () => openDump(DUMP, { beside: { debugDirs: ['/nowhere'] } }), 'system', []],
    ['a file for a folder', () => openDump(DUMP, { beside: { debugDirs: [DUMP] } }), 'system', []],
    ['no such process', () => onHost(({ host }) => selectVm(host, '99999', null)), 'no-process', []],
    ['a process without a VM', withoutVm, 'no-vm', []],
  ])('%s', async (_, work, code, remedies) => {
    await expect(work()).rejects.toMatchObject({ name: 'DumpError', code, remedies });
  });
});

function caught(work: () => void): DumpError | UsageError {
  try {
    work();
  } catch (error) {
    if (error instanceof DumpError || error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('message of an error', () => {
  test('the operation is prepended; code, place, hint and remedies are kept', () => {
    const inner = new DumpError('a bitmap ends', {
      code: 'unsupported',
      place: { source: 'vmcore', offset: 0x2000 },
      hint: 'crash reads it',
      remedies: ['vmcoreinfo'],
    });
    const outer = caught(() =>
      during('memslots', () =>
        during('slot tree', () => {
          throw inner;
        }),
      ),
    );
    expect(outer.message).toBe('memslots: slot tree: vmcore at 0x2000: a bitmap ends; crash reads it');
    expect(outer).toMatchObject({
      code: 'unsupported',
      place: inner.place,
      hint: inner.hint,
      remedies: ['vmcoreinfo'],
    });
  });

  test('a message of a truncated dump begins with that', async () => {
    const path = file('cut-pages', readFileSync(DUMP).subarray(0, 1_500_000));
    const error = await openDump(path).then(
      () => null,
      (reason: unknown) => reason as DumpError,
    );
    const outer = error?.within('open');
    expect(outer?.message).toMatch(/^the dump is truncated or incomplete: open: init_uts_ns at 0x/);
    expect(outer?.code).toBe('truncated');
  });
});

describe('arguments and options', () => {
  const twoVms = () => {
    const host = new SyntheticHost();
    const { address: mm } = host.mm();
    const vms = [4, 6].map((fd) => [fd, host.file(host.vmFops, host.vm(mm, []), 'kvm-vm')] as const);
    host.task(150, 'qemu', mm, host.files(Object.fromEntries(vms)));
    return host.open(silentLog);
  };
  const taken = () => file('taken', '');

  test.each<readonly [string, () => void, object, string, string]>([
    [
      'no process',
      () => selectVm(twoVms(), null, null),
      { argument: 'process', isMissing: true },
      'process is missing: the pid or task_struct address',
      '-g is missing: the pid or task_struct address',
    ],
    [
      'a word',
      () => selectVm(twoVms(), 'qemu', null),
      { argument: 'process', isMissing: false },
      "process 'qemu' is not a pid",
      "-g 'qemu' is not a pid",
    ],
    [
      'one of several VMs',
      () => selectVm(twoVms(), '150', null),
      { argument: null, remedies: ['vm'], choices: [expect.stringMatching(/^ {2}fd 4 /), expect.anything()] },
      'pid 150 (qemu) holds several VMs:\n  fd 4  ',
      'pid 150 (qemu) holds several VMs; choose one with --vm:\n  fd 4  ',
    ],
    [
      'an address space that does not exist',
      () => selectVm(twoVms(), '150', '4').vm.slots(7),
      { argument: 'address-space', isMissing: false },
      'address space 7 does not exist',
      'address space 7 does not exist',
    ],
    [
      'a file that exists',
      () => checkTarget(taken(), false, []),
      { argument: null, remedies: ['force'] },
      `${join(folder, 'taken')} already exists`,
      `${join(folder, 'taken')} already exists; use --force to overwrite it`,
    ],
  ])('%s', (_, work, carried, message, shown) => {
    const error = caught(work);
    expect(error).toMatchObject({ name: 'UsageError', ...carried });
    expect(error.message.slice(0, message.length)).toBe(message);
    expect(errorText(error).slice(0, shown.length)).toBe(shown);
  });

  test('every option that a remedy names exists', () => {
    const text = readFileSync(join(ROOT, 'src', 'cli', 'remedies.ts'), 'utf8');
    const named = new Set(text.match(/(?<=[\s'"(])--?[a-z][a-z-]*/g));
    const help = ['', 'layout', 'excerpt'].map((command) => kvmVtop(['help', command].filter(Boolean)).stdout).join('');
    expect([...named].filter((option) => !new RegExp(`(?<![\\w-])${option}(?![\\w-])`).test(help))).toEqual([]);
    expect(named.size).toBeGreaterThan(8);
  });

  test('remedies that belong together are one phrase', () => {
    expect(adviceOf(['system-map', 'vmlinux'])).toEqual(['use --system-map or --vmlinux to supply it']);
    expect(adviceOf(['all-parts', 'vmlinux', 'kvm-module', 'layout', 'system-map'])).toEqual([
      'use --vmlinux and --kvm-module for files with debug information, --layout for a layout profile, or --system-map for symbols',
      'give every part with -c',
    ]);
  });
});

/** Other programs may be named with their options: matches up to the end of the clause. */
const OTHERS = /\b(?:gzip|bzip2|lz4|zstd|xz|iconv|makedumpfile|vmss2core|virsh dump|ulimit|node)\b[^,;:)]*/g;
/** Suffixes of package names. */
const PACKAGES = /\(-dbg, -dbgsym, -debuginfo\)/;
const OPTION = /(?:^|[\s'"`(=:,])--?[a-z]/i;
const COMMAND = /'kvm-vtop [a-z]|\bkvm-vtop --?[a-z]/;

describe('only cli/ and the commands themselves name options', () => {
  const others = [...sources((name) => !/^(cli|commands)\//.test(name))];

  test('no other room has an option in a string', () => {
    const found = others.flatMap((source) =>
      textsOf(source)
        .map((text) => text.replace(OTHERS, '').replace(PACKAGES, ''))
        .filter((text) => OPTION.test(text) || COMMAND.test(text))
        .map((text) => `${source.fileName}: ${text}`),
    );
    expect(found).toEqual([]);
    expect(others.length).toBeGreaterThan(100);
  });

  test('an option in a string is found', () => {
    const template = ['`$', '{c}; -g $', '{d}`'].join('');
    const source = parsed('probe.ts', `a('see --help'); b(${template}); e("f"); /* --no */ // -x\n`);
    expect(textsOf(source).filter((text) => OPTION.test(text))).toEqual(['see --help', '; -g ']);
  });
});
