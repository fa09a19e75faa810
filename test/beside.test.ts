// SPDX-License-Identifier: Apache-2.0
// What lies beside a dump: files of types and symbols, found or named, taken or refused.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { selectVm } from '../src/commands/select.js';
import { gfn } from '../src/core/address.js';
import { silentLog } from '../src/core/log.js';
import { Beside, type BesideOptions } from '../src/debuginfo/beside.js';
import { openObject } from '../src/debuginfo/dwarf-file.js';
import { openHostWith } from '../src/kernel/open-host.js';
import { Road } from '../src/translate/road.js';
import { type CompileWish, compile, has, hasGcc, run, toC } from './build/compiled.js';
import { type HostOptions, SyntheticHost } from './build/host.js';
import { RELEASE, VERSION } from './build/kernel.js';
import { Layouts } from './build/layout.js';
import { KVM_TYPES, SMALL_KERNEL } from './build/small-kernel.js';

const HVA = 0x7f0000000000n;
const SLOT = { id: 3, gpa: 0x100000n, pages: 16n, hva: HVA };
const withGcc = hasGcc ? describe : describe.skip;
if (!hasGcc) console.log('skipped: no gcc');
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-beside-'));
const BANNER = `const char linux_banner[] = "Linux version ${RELEASE} (us@here) (gcc) ${VERSION}\\n";\n`;
const ALL = new Layouts(SMALL_KERNEL + KVM_TYPES);
const KVM = new Layouts(SMALL_KERNEL + KVM_TYPES);
const vmlinux = (text = toC(ALL), wish: CompileWish = {}) => compile(`${BANNER}${text}`, { linked: true, ...wish });
const kvmKo = (only = (name: string) => /kvm|gmem/.test(name)) => compile(toC(KVM, only));

const NOTHING: BesideOptions = {
  typesFrom: 'auto',
  vmlinux: null,
  kvmModule: null,
  systemMap: null,
  layout: null,
  debugDirs: [],
  debuginfod: false,
};

/** Where one address of a host is, and what was said on the way. */
async function ask(host: SyntheticHost, options: Partial<BesideOptions>) {
  const said: string[] = [];
  const log = { ...silentLog, warn: (text: string) => said.push(text), found: (text: string) => said.push(text) };
  const image = host.image();
  const opened = await openHostWith(image, image, log, new Beside({ ...NOTHING, ...options }, log));
  const { vm, fd } = selectVm(opened, '191', null);
  const road = new Road(opened, vm, 0);
  const state = road.translate(gfn(0x104), 0);
  return { state, frame: road.frame, fd, said: said.join('\n') };
}

function hostOf(options: HostOptions = {}): SyntheticHost {
  const host = new SyntheticHost(options);
  const { tables } = host.vmm(191, [SLOT]);
  tables.map(HVA + 0x4000n, 0x234);
  return host;
}
const RIGHT = { state: 'mapped', frame: 0x234, fd: 9 };

withGcc('debug information in place of BTF', () => {
  test.each([2, 3, 4, 5] as const)('DWARF %i of vmlinux alone', async (dwarf) => {
    expect(await ask(hostOf({ noBtf: true }), { vmlinux: vmlinux(undefined, { dwarf }) })).toMatchObject(RIGHT);
  });

  test.each([2, 3, 4, 5] as const)('DWARF %i of vmlinux without KVM, and of kvm.ko', async (dwarf) => {
    const text = toC(new Layouts(SMALL_KERNEL));
    const kvmModule = compile(
      toC(KVM, (name) => /kvm|gmem/.test(name)),
      { dwarf },
    );
    expect(await ask(hostOf({ noBtf: true }), { vmlinux: vmlinux(text, { dwarf }), kvmModule })).toMatchObject(RIGHT);
  });

  test('kvm.ko for a kernel whose own BTF leaves KVM out', async () => {
    const host = hostOf({ btfTypes: SMALL_KERNEL });
    expect(await ask(host, { kvmModule: kvmKo() })).toMatchObject(RIGHT);
  });

  test('kvm.ko alone: descriptors are not known, and it is said', async () => {
    const kvmModule = kvmKo((name) => name !== 'files_struct' && name !== 'fdtable');
    const { said, ...rest } = await ask(hostOf({ noBtf: true }), { kvmModule });
    expect(rest).toEqual({ ...RIGHT, fd: null });
    expect(said).toMatch(/descriptors can't be read, no source of types has struct files_struct and fdtable/);
  });

  const packed = ['gz', ...(has('xz') ? ['xz'] : []), ...(has('zstd') ? ['zst'] : [])];
  test.each(packed)('kvm.ko.%s', async (ending) => {
    const plain = kvmKo();
    const path = `${plain}.${ending}`;
    if (ending === 'gz') writeFileSync(path, gzipSync(readFileSync(plain)));
    else if (ending === 'xz') run('xz', ['-k', plain]);
    else run('zstd', ['-q', '-k', plain, '-o', path]);
    expect(await ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule: path })).toMatchObject(RIGHT);
    writeFileSync(path, readFileSync(path).subarray(0, -40));
    await expect(ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule: path })).rejects.toThrow(/could not be decoded/);
  });

  test('a file without debug information says so', async () => {
    const stripped = `${vmlinux()}.stripped`;
    run('objcopy', ['--strip-debug', vmlinux(), stripped]);
    await expect(ask(hostOf({ noBtf: true }), { vmlinux: stripped })).rejects.toThrow(
      /stripped: no debug information \(\.debug_info\) in it; distributions ship it/,
    );
  });
});

withGcc('whose build it is', () => {
  test("the build-id in the kernel's notes decides", async () => {
    const path = vmlinux();
    const { buildId } = await openObject(path);
    expect(buildId).toMatch(/^[0-9a-f]{40}$/);
    expect(await ask(hostOf({ noBtf: true, buildId: buildId as string }), { vmlinux: path })).toMatchObject(RIGHT);
    const other = 'ab'.repeat(20);
    await expect(ask(hostOf({ noBtf: true, buildId: other }), { vmlinux: path })).rejects.toThrow(
      `${path} is of another build: build-id ${buildId as string}, the dump's kernel ${RELEASE} has ${other}`,
    );
  });

  test('where the kernel tells none, the banner does', async () => {
    const other = compile(`${BANNER.replace('#7', '#8')}${toC(ALL)}`, { linked: true });
    await expect(ask(hostOf({ noBtf: true }), { vmlinux: other })).rejects.toThrow(
      /is of another build: .*#8 SMP synthetic/,
    );
    const silent = compile(toC(ALL), { linked: true });
    await expect(ask(hostOf({ noBtf: true }), { vmlinux: silent })).rejects.toThrow(/and no linux_banner to compare/);
  });

  test('a module tells the release it was built for', async () => {
    const text = (release: string) =>
      `__attribute__((section(".modinfo"))) const char m[] = "license=GPL\\0vermagic=${release} SMP mod_unload";\n`;
    const of = (release: string) => compile(text(release) + toC(KVM, (name) => /kvm|gmem/.test(name)));
    expect(await ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule: of(RELEASE) })).toMatchObject(RIGHT);
    await expect(ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule: of('4.18.0') })).rejects.toThrow(
      /is of another build: built for kernel 4\.18\.0, the dump is of 9\.9\.9-synthetic/,
    );
  });
});

withGcc('places', () => {
  let files: { readonly vmlinux: string; readonly kvm: string; readonly map: string };
  beforeAll(() => {
    files = { vmlinux: vmlinux(toC(new Layouts(SMALL_KERNEL))), kvm: kvmKo(), map: join(folder, 'map') };
  });
  const R = RELEASE;
  test.each([
    ['Debian', `usr/lib/debug/boot/vmlinux-${R}`, `usr/lib/debug/lib/modules/${R}/kernel/arch/x86/kvm/kvm.ko`],
    [
      'Fedora, RHEL',
      `usr/lib/debug/lib/modules/${R}/vmlinux`,
      `usr/lib/debug/lib/modules/${R}/kernel/arch/x86/kvm/kvm.ko.debug`,
    ],
    [
      'SUSE',
      `usr/lib/debug/boot/vmlinux-${R}.debug`,
      `usr/lib/debug/lib/modules/${R}/kernel/arch/x86/kvm/kvm.ko.debug`,
    ],
    [
      'newer SUSE',
      `usr/lib/debug/usr/lib/modules/${R}/vmlinux.debug`,
      `usr/lib/debug/usr/lib/modules/${R}/kernel/arch/x86/kvm/kvm.ko.debug`,
    ],
    ['Arch', `usr/lib/modules/${R}/build/vmlinux`, `usr/lib/modules/${R}/kernel/arch/x86/kvm/kvm.ko`],
    ['one folder', `vmlinux-${R}`, 'kvm.ko.debug'],
    ['below usr/lib/debug', `boot/vmlinux-${R}`, `lib/modules/${R}/kernel/arch/x86/kvm/kvm.ko`],
  ])('of %s', async (_name, kernel, module) => {
    const root = mkdtempSync(join(folder, 'root-'));
    for (const [from, to] of [
      [files.vmlinux, kernel],
      [files.kvm, module],
    ] as const) {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      copyFileSync(from, join(root, to));
    }
    const { said, ...rest } = await ask(hostOf({ noBtf: true }), { debugDirs: ['/nowhere', root] });
    expect(rest).toEqual(RIGHT);
    expect(said).toContain(`types: DWARF of ${join(root, module)}, DWARF of ${join(root, kernel)}`);
  });

  test('by build-id', async () => {
    const root = mkdtempSync(join(folder, 'root-'));
    const path = vmlinux();
    const buildId = (await openObject(path)).buildId as string;
    mkdirSync(join(root, '.build-id', buildId.slice(0, 2)), { recursive: true });
    copyFileSync(path, join(root, '.build-id', buildId.slice(0, 2), `${buildId.slice(2)}.debug`));
    expect(await ask(hostOf({ noBtf: true, buildId }), { debugDirs: [root] })).toMatchObject(RIGHT);
  });

  test('a file of another build that stands there is passed over', async () => {
    const [wrong, right] = [mkdtempSync(join(folder, 'root-')), mkdtempSync(join(folder, 'root-'))];
    copyFileSync(compile(`${BANNER.replace('#7', '#8')}${toC(ALL)}`, { linked: true }), join(wrong, 'vmlinux'));
    copyFileSync(vmlinux(), join(right, 'vmlinux'));
    const { said, ...rest } = await ask(hostOf({ noBtf: true }), { debugDirs: [wrong, right] });
    expect(rest).toEqual(RIGHT);
    expect(said).toMatch(/another build/);
  });

  test('nothing anywhere: one line that says what was looked for and what would help', async () => {
    const answer = ask(hostOf({ noBtf: true }), { debugDirs: [folder] });
    await expect(answer).rejects.toThrow(
      /^kernel 9\.9\.9-synthetic brings no BTF \(CONFIG_DEBUG_INFO_BTF\); looked for in vain: .*kvm\.ko, vmlinux; --vmlinux and --kvm-module take/,
    );
  });
});

describe('symbols', () => {
  const SLIDE = 0x2000000n;
  const mapOf = (host: SyntheticHost, slide = SLIDE) => {
    host.image();
    const path = join(mkdtempSync(join(folder, 'map-')), 'System.map');
    writeFileSync(
      path,
      host.symbols.map(([name, at]) => `${(at - slide).toString(16)} ${name[0]} ${name.slice(1)}\n`).join(''),
    );
    return path;
  };

  test('a System.map, where the kernel has none', async () => {
    const host = hostOf({ noKallsyms: true });
    expect(await ask(host, { systemMap: mapOf(host) })).toMatchObject(RIGHT);
  });

  test('of another build it is refused', async () => {
    const host = hostOf({ noKallsyms: true });
    await expect(ask(host, { systemMap: mapOf(host, SLIDE + 0x1000n) })).rejects.toThrow(
      /System\.map is of another build: it puts _stext at 0xffffffff82fff000, the dump at 0xffffffff83000000/,
    );
  });

  test("the one line of Debian's image packages is none", async () => {
    const stub = join(folder, 'stub');
    writeFileSync(stub, 'ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n');
    await expect(ask(hostOf({ noKallsyms: true }), { systemMap: stub })).rejects.toThrow(
      /stub: no System\.map: .*-dbg/,
    );
  });

  test('is found beside vmlinux', async () => {
    const host = hostOf({ noKallsyms: true });
    expect(await ask(host, { debugDirs: [dirname(mapOf(host))] })).toMatchObject(RIGHT);
  });

  (hasGcc ? test : test.skip)("vmlinux's own table", async () => {
    const host = hostOf({ noKallsyms: true });
    host.image();
    const defined = host.symbols.filter(([name]) => /init|modules|BTF|swap|_stext|btf/.test(name));
    const flags = defined.map(([name, at]) => `-Wl,--defsym,${name.slice(1)}=0x${(at - SLIDE).toString(16)}`);
    const path = compile(BANNER, { linked: true, linkFlags: flags });
    expect(await ask(host, { vmlinux: path, typesFrom: 'btf' })).toMatchObject(RIGHT);
  });

  test('nowhere: the message says so', async () => {
    await expect(ask(hostOf({ noKallsyms: true }), { debugDirs: [folder] })).rejects.toThrow(
      /names no kallsyms tables, and a scan of its image found none; looked for in vain: System\.map, vmlinux/,
    );
  });
});
