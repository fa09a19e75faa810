// SPDX-License-Identifier: Apache-2.0
// Files next to a dump: debug information as gcc writes it, found or named, accepted or refused.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from '@jest/globals';
import { openObject } from '../../src/debuginfo/dwarf-file.js';
import { buildIdNote } from '../../src/elf/notes.js';
import { ask, hostOf, RIGHT, SLIDE } from '../build/beside.js';
import { type CompileWish, compile, run, toC } from '../build/compiled.js';
import type { HostOptions, SyntheticHost } from '../build/host.js';
import { Layouts } from '../build/layout.js';
import { RELEASE, BANNER as TEXT } from '../build/options.js';
import { scratch } from '../build/scratch.js';
import { KVM_TYPES, SMALL_KERNEL } from '../build/small-kernel.js';
import { gcc, needing, xz, zstd } from '../needs.js';

const withGcc = needing(gcc);
const { folder } = scratch('beside');
const BANNER = `const char linux_banner[] = ${JSON.stringify(TEXT)};\n`;
const ALL = new Layouts(SMALL_KERNEL + KVM_TYPES);
const KVM = new Layouts(SMALL_KERNEL + KVM_TYPES);
const vmlinux = (text = toC(ALL), wish: CompileWish = {}) => compile(`${BANNER}${text}`, { linked: true, ...wish });
const isKvms = (name: string) => /kvm|gmem/.test(name);
const MODINFO = `__attribute__((section(".modinfo"))) const char m[] = "license=GPL\\0vermagic=${RELEASE} SMP mod_unload";\n`;
const kvmKo = (only = isKvms, prefix = MODINFO) => compile(prefix + toC(KVM, only));

withGcc.describe('debug information in place of BTF', () => {
  test.each([2, 3, 4, 5] as const)('DWARF %i of vmlinux alone', async (dwarf) => {
    expect(await ask(hostOf({ noBtf: true }), { vmlinux: vmlinux(undefined, { dwarf }) })).toMatchObject(RIGHT);
  });

  test.each([2, 3, 4, 5] as const)('DWARF %i of vmlinux without KVM, and of kvm.ko', async (dwarf) => {
    const text = toC(new Layouts(SMALL_KERNEL));
    const kvmModule = compile(MODINFO + toC(KVM, isKvms), { dwarf });
    expect(await ask(hostOf({ noBtf: true }), { vmlinux: vmlinux(text, { dwarf }), kvmModule })).toMatchObject(RIGHT);
  });

  test('kvm.ko for a kernel whose own BTF lacks KVM', async () => {
    const host = hostOf({ btfTypes: SMALL_KERNEL });
    expect(await ask(host, { kvmModule: kvmKo() })).toMatchObject(RIGHT);
  });

  test('kvm.ko alone: descriptors are unknown, and a warning says so', async () => {
    const kvmModule = kvmKo((name) => name !== 'files_struct' && name !== 'fdtable');
    const { said, ...rest } = await ask(hostOf({ noBtf: true }), { kvmModule });
    expect(rest).toEqual({ ...RIGHT, fd: null });
    expect(said).toMatch(
      /descriptors can't be read, because no source of types describes struct files_struct and fdtable/,
    );
  });

  const packedModule = (ending: 'gz' | 'xz' | 'zst') => async (): Promise<void> => {
    const plain = kvmKo();
    const path = `${plain}.${ending}`;
    if (ending === 'gz') writeFileSync(path, gzipSync(readFileSync(plain)));
    else if (ending === 'xz') run('xz', ['-k', plain]);
    else run('zstd', ['-q', '-k', plain, '-o', path]);
    expect(await ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule: path })).toMatchObject(RIGHT);
    writeFileSync(path, readFileSync(path).subarray(0, -40));
    await expect(ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule: path })).rejects.toThrow(/decompression failed/);
  };
  test('kvm.ko.gz', packedModule('gz'));
  needing(xz).test('kvm.ko.xz', packedModule('xz'));
  needing(zstd).test('kvm.ko.zst', packedModule('zst'));

  test('a file without debug information is reported as such', async () => {
    const stripped = `${vmlinux()}.stripped`;
    run('objcopy', ['--strip-debug', vmlinux(), stripped]);
    await expect(ask(hostOf({ noBtf: true }), { vmlinux: stripped })).rejects.toThrow(
      /stripped: it has no debug information \(\.debug_info\); distributions ship it/,
    );
  });
});

withGcc.describe('the build of a file', () => {
  test("is checked by the build-id in the kernel's notes", async () => {
    const path = vmlinux();
    const { buildId } = await openObject(path);
    expect(buildId).toMatch(/^[0-9a-f]{40}$/);
    expect(await ask(hostOf({ noBtf: true, buildId: buildId as string }), { vmlinux: path })).toMatchObject(RIGHT);
    const other = 'ab'.repeat(20);
    await expect(ask(hostOf({ noBtf: true, buildId: other }), { vmlinux: path })).rejects.toThrow(
      `${path} is from another build: build-id ${buildId as string}, but the dump's kernel ${RELEASE} has ${other}`,
    );
  });

  test('is checked by the banner if the kernel has no build-id', async () => {
    const other = compile(`${BANNER.replace('#7', '#8')}${toC(ALL)}`, { linked: true });
    await expect(ask(hostOf({ noBtf: true }), { vmlinux: other })).rejects.toThrow(
      /is from another build: .*#8 SMP synthetic/,
    );
    const silent = compile(toC(ALL), { linked: true });
    await expect(ask(hostOf({ noBtf: true }), { vmlinux: silent })).rejects.toThrow(/and no linux_banner to compare/);
  });

  test('is checked by the release for a module', async () => {
    const of = (release: string) => kvmKo(isKvms, MODINFO.replace(RELEASE, release));
    const { said, ...rest } = await ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule: of(RELEASE) });
    expect(rest).toEqual(RIGHT);
    expect(said).toMatch(/has no build-id of module kvm: only the release was compared/);
    await expect(ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule: of('4.18.0') })).rejects.toThrow(
      /is from another build: built for kernel 4\.18\.0, but the dump is of 9\.9\.9-synthetic/,
    );
    await expect(ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule: kvmKo(isKvms, '') })).rejects.toThrow(
      /has neither a build-id nor the release it was built for/,
    );
  });
});

withGcc.describe('whether kvm.ko matches the running module', () => {
  const [OWN, OTHER] = ['cd'.repeat(20), 'ef'.repeat(20)];
  const PLACE = 0xffffffffc0a05000n;
  const noteInC = (buildId: string) =>
    `${MODINFO}__attribute__((section(".note.gnu.build-id"))) const unsigned char id[] = {${buildIdNote(buildId).join(',')}};\n`;
  const OWN_KO = () => kvmKo(isKvms, noteInC(OWN));
  /** A kvm.ko whose struct module has the build-id at another offset. */
  const misread = () => {
    const text = SMALL_KERNEL.replace('  u8 build_id[20]\n  ptr mem[7]\n', '  ptr mem[7]\n  u8 build_id[20]\n');
    return compile(noteInC(OWN) + toC(new Layouts(text + KVM_TYPES), (name) => isKvms(name) || name === 'module'));
  };
  const withNote = (host: SyntheticHost, buildId: string) => {
    host.kernel.map(PLACE, host.memory.allocate());
    host.write(PLACE + 0x124n, buildIdNote(buildId));
    return host;
  };
  const bare = (options: HostOptions = {}) => hostOf({ btfTypes: SMALL_KERNEL, ...options });

  test('the same build-id is accepted', async () => {
    const { said, ...rest } = await ask(bare({ kvmBuildId: OWN }), { kvmModule: OWN_KO() });
    expect(rest).toEqual(RIGHT);
    expect(said).not.toMatch(/build-id/);
  });

  test('another build-id is refused, and both are named', async () => {
    const host = withNote(bare({ kvmBuildId: OTHER }), OTHER);
    await expect(ask(host, { kvmModule: OWN_KO() })).rejects.toThrow(
      `is from another build: build-id ${OWN}, but the module kvm in the dump has ${OTHER}`,
    );
  });

  test('the note in memory decides if offsets are wrong', async () => {
    expect(await ask(withNote(bare({ kvmBuildId: OTHER }), OWN), { kvmModule: misread() })).toMatchObject(RIGHT);
    await expect(ask(withNote(bare(), OTHER), { kvmModule: misread() })).rejects.toThrow(
      `is from another build: build-id ${OWN}, but no module in the dump has it`,
    );
  });

  test('if the dump lacks a page of the modules it is accepted with a warning', async () => {
    const host = bare();
    host.kernel.map(PLACE, 0x7fffff);
    const { said, ...rest } = await ask(host, { kvmModule: OWN_KO() });
    expect(rest).toEqual(RIGHT);
    expect(said).toMatch(
      /can't check that it matches the module kvm of the dump: pages of modules are not in the dump/,
    );
  });

  test('a module is refused if KVM is built in', async () => {
    await expect(ask(bare({ kvm: 'built in' }), { kvmModule: OWN_KO() })).rejects.toThrow(
      /it describes a module, but KVM is built into the kernel/,
    );
  });
});

withGcc.describe('structures in random order (CONFIG_RANDSTRUCT)', () => {
  const vermagic = `${RELEASE} SMP mod_unload RANDSTRUCT_c3b7e0354bfb`;

  test("gcc's debug information and BTF have another order: no answer", async () => {
    const problem =
      /has structures in random order \(CONFIG_RANDSTRUCT\), but gcc's debug information has the original order/;
    await expect(ask(hostOf({ vermagic }), {})).rejects.toThrow(problem);
    await expect(ask(hostOf({ vermagic, noBtf: true }), { vmlinux: vmlinux() })).rejects.toThrow(problem);
    const kvmModule = kvmKo(isKvms, MODINFO.replace('SMP', 'RANDSTRUCT_c3b7 SMP'));
    await expect(ask(hostOf({ btfTypes: SMALL_KERNEL }), { kvmModule })).rejects.toThrow(problem);
  });

  test("clang's has the true order", async () => {
    const banner = TEXT.replace('(gcc)', '(clang version 16)');
    expect(await ask(hostOf({ vermagic, banner }), {})).toMatchObject(RIGHT);
  });
});

withGcc.describe('folders', () => {
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
    const { said, ...rest } = await ask(hostOf({ noBtf: true }), {
      debugDirs: [mkdtempSync(join(folder, 'empty-')), root],
    });
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

  test('a file of another build in such a folder is ignored', async () => {
    const [wrong, right] = [mkdtempSync(join(folder, 'root-')), mkdtempSync(join(folder, 'root-'))];
    copyFileSync(compile(`${BANNER.replace('#7', '#8')}${toC(ALL)}`, { linked: true }), join(wrong, 'vmlinux'));
    copyFileSync(vmlinux(), join(right, 'vmlinux'));
    const { said, ...rest } = await ask(hostOf({ noBtf: true }), { debugDirs: [wrong, right] });
    expect(rest).toEqual(RIGHT);
    expect(said).toMatch(/another build/);
  });

  test('without any file one line says what was searched for and what would help', async () => {
    const answer = ask(hostOf({ noBtf: true }), { debugDirs: [folder] });
    await expect(answer).rejects.toThrow(
      /^kernel 9\.9\.9-synthetic has no BTF \(CONFIG_DEBUG_INFO_BTF\); tried without success: .*kvm\.ko, vmlinux$/,
    );
  });
});

withGcc.test("symbols from vmlinux's table, if the kernel has none", async () => {
  const host = hostOf({ noKallsyms: true });
  host.image();
  const defined = host.symbols.filter(([name]) => /init|modules|BTF|swap|_stext|btf/.test(name));
  const flags = defined.map(([name, at]) => `-Wl,--defsym,${name.slice(1)}=0x${(at - SLIDE).toString(16)}`);
  const path = compile(BANNER, { linked: true, linkFlags: flags });
  expect(await ask(host, { vmlinux: path, typesFrom: 'btf' })).toMatchObject(RIGHT);
});
