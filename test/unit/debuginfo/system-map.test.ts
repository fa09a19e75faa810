// SPDX-License-Identifier: Apache-2.0
// Symbols from files next to a dump: a System.map or a copy of /proc/kallsyms, accepted or refused.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ask, hostOf, RIGHT, SLIDE } from '../../build/beside.js';
import type { HostOptions, SyntheticHost } from '../../build/host.js';
import { scratch } from '../../build/scratch.js';

const { folder } = scratch('system-map');

describe('symbols', () => {
  const mapOf = (host: SyntheticHost, slide = SLIDE) => {
    host.image();
    const path = join(mkdtempSync(join(folder, 'map-')), 'System.map');
    writeFileSync(
      path,
      host.symbols.map(([name, at]) => `${(at - slide).toString(16)} ${name[0]} ${name.slice(1)}\n`).join(''),
    );
    return path;
  };

  test('a System.map is used if the kernel has no symbols', async () => {
    const host = hostOf({ noKallsyms: true });
    expect(await ask(host, { systemMap: mapOf(host) })).toMatchObject(RIGHT);
  });

  test('a System.map of another build is refused', async () => {
    const host = hostOf({ noKallsyms: true });
    await expect(ask(host, { systemMap: mapOf(host, SLIDE + 0x1000n) })).rejects.toThrow(
      /System\.map is from another build: it puts init_uts_ns at 0xffffffff83005000, the dump at 0xffffffff83006000/,
    );
  });

  const mapWith = (host: SyntheticHost, change: (name: string, at: bigint) => bigint | null) => {
    const path = mapOf(host);
    const lines = host.symbols.flatMap(([name, at]) => {
      const changed = change(name.slice(1), at);
      return changed === null ? [] : [`${(changed - SLIDE).toString(16)} ${name[0]} ${name.slice(1)}\n`];
    });
    writeFileSync(path, lines.join(''));
    return path;
  };
  const FUNCTIONS: HostOptions = { functions: 40, ballast: 1100 };

  test('one of another build is refused, even if the symbols in VMCOREINFO match', async () => {
    const host = hostOf({ ...FUNCTIONS, silent: true });
    const other = mapWith(host, (name, at) => (/^function_2|^init_task$/.test(name) ? at + 0x40n : at));
    await expect(ask(host, { systemMap: other })).rejects.toThrow(
      /System\.map is from another build: it puts function_2/,
    );
  });

  test("one of another build is refused without the kernel's table: the banner is not there", async () => {
    const host = hostOf({ ...FUNCTIONS, noKallsyms: true });
    const other = mapWith(host, (name, at) => (/^linux_banner$|^init_task$/.test(name) ? at + 0x40n : at));
    await expect(ask(host, { systemMap: other })).rejects.toThrow(
      /another build: where it puts linux_banner, the dump has/,
    );
    const silent = mapWith(host, (name, at) => (name === 'linux_banner' ? null : at));
    await expect(ask(host, { systemMap: silent })).rejects.toThrow(
      /it has no linux_banner, so its build can't be checked/,
    );
  });

  test('an incomplete System.map does not replace the kernel’s own symbols', async () => {
    const host = hostOf({ ...FUNCTIONS, silent: true });
    const partial = mapWith(host, (name, at) => (/^function_|^_stext$/.test(name) ? at : null));
    expect(await ask(host, { systemMap: partial })).toMatchObject(RIGHT);
  });

  test('a copy of /proc/kallsyms has run-time addresses', async () => {
    const host = hostOf({ ...FUNCTIONS, noKallsyms: true });
    const path = mapOf(host, 0n);
    writeFileSync(path, `${readFileSync(path, 'utf8')}ffffffffc0000000 d init_task\t[evil]\n`);
    expect(await ask(host, { systemMap: path })).toMatchObject(RIGHT);
  });

  test.each(['init_uts_ns', 'swapper_pg_dir', '_stext'])('one of another build is recognised by %s', async (moved) => {
    const host = hostOf({ noKallsyms: true });
    const other = mapWith(host, (name, at) => (name === moved ? at + 0x1000n : at));
    await expect(ask(host, { systemMap: other })).rejects.toThrow(`is from another build: it puts ${moved} at`);
  });

  test("the one-line System.map of Debian's image packages is refused", async () => {
    const stub = join(folder, 'stub');
    writeFileSync(stub, 'ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n');
    await expect(ask(hostOf({ noKallsyms: true }), { systemMap: stub })).rejects.toThrow(
      /stub: not a System\.map: .*-dbg/,
    );
  });

  test('a System.map is found next to vmlinux', async () => {
    const host = hostOf({ noKallsyms: true });
    expect(await ask(host, { debugDirs: [dirname(mapOf(host))] })).toMatchObject(RIGHT);
  });

  test('with kallsyms of only functions (no CONFIG_KALLSYMS_ALL), a System.map supplies the others', async () => {
    const host = hostOf({ textSymbols: true, functions: 40 });
    await expect(ask(host, { debugDirs: [folder] })).rejects.toThrow(
      /its kallsyms lacks init_task or modules \(CONFIG_KALLSYMS_ALL is off\); tried without success: System\.map, vmlinux/,
    );
    expect(await ask(host, { systemMap: mapOf(host) })).toMatchObject(RIGHT);
  });

  test('without any symbols the message says so', async () => {
    await expect(ask(hostOf({ noKallsyms: true }), { debugDirs: [folder] })).rejects.toThrow(
      /VMCOREINFO has no kallsyms tables, and a scan of the kernel.s image found none; tried without success: System\.map, vmlinux/,
    );
  });
});
