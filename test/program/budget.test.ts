// SPDX-License-Identifier: Apache-2.0
// What one answer costs, in numbers that do not depend on the machine: modules that are loaded, and pages that are read.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { scratch } from '../build/scratch.js';
import { needing, recordedHosts } from '../needs.js';
import { FIXTURES, HOSTS, kvmVtop, ROOT, SHARED } from '../run.js';

const { file, folder } = scratch('budget');

/** node:v8, for the end of the process and the decoder of zstd, what it loads itself, and what loads the program. */
const ALWAYS = ['process', 'stream', 'stream/promises', 'string_decoder', 'v8', 'module', 'vm'];

/** Writes to $LOADED which modules of Node.js and which files were loaded after it. */
const PRELOAD = `
const before = new Set(process.moduleLoadList);
process.on('exit', () => {
  const builtin = process.moduleLoadList.filter((each) => !before.has(each) && each.startsWith('NativeModule '));
  const files = Object.keys(require.cache).filter((each) => each !== __filename);
  require('fs').writeFileSync(process.env.LOADED, JSON.stringify({ builtin, files }));
});`;

/** What is loaded. Standard output is a socket. `cache`: the folder of caches. */
function loaded(args: readonly string[], cache = folder): { builtin: string[]; files: string[]; stdout: string } {
  const log = join(folder, 'loaded.json');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['-r', file(PRELOAD, 'preload.cjs'), 'dist/cli.js', ...args],
    {
      cwd: ROOT,
      env: { ...process.env, LOADED: log, XDG_CACHE_HOME: cache },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    },
  );
  expect([status, stderr]).toEqual([0, '']);
  const { builtin, files } = JSON.parse(readFileSync(log, 'utf8')) as { builtin: string[]; files: string[] };
  return {
    builtin: builtin.map((name) => name.replace('NativeModule ', '')).filter((name) => !name.startsWith('internal/')),
    files: files.map((path) => path.replace(/^.*\/dist\//, '')),
    stdout,
  };
}

describe('one answer', () => {
  const one = (dump: string, pid: string, ...more: readonly string[]) => {
    const { builtin, files, stdout } = loaded(['-c', dump, '-g', pid, '-p', '1001840', ...more]);
    expect(stdout).toContain('HOST PHYSICAL');
    return { builtin: builtin.filter((name) => !ALWAYS.includes(name)), files };
  };

  // Not the streams of the process, nor the network, nor cryptography, nor node:zlib.
  test('loads nothing more for pages of a zlib dump', () => {
    const { builtin, files } = one(join(FIXTURES, 'debian-6.1', 'vmcore.kdump'), '136');
    expect(builtin).toEqual([]);
    expect(files).toEqual(['cli.js']);
  });

  // If V8's compiler threads are still at work at the end, as they can be on a busy machine, node:v8 is loaded to stop them.
  test('does not load node:v8 in a first run, which keeps its compiled code', () => {
    const loads = [0, 1, 2, 3, 4].map((run) => {
      const cache = join(folder, `first${run}`);
      const dump = join(FIXTURES, 'debian-6.1', 'vmcore.kdump');
      const { builtin } = loaded(['-c', dump, '-g', '136', '-p', '1001840'], cache);
      expect(readdirSync(join(cache, 'kvm-vtop', 'code')).length).toBe(1);
      return builtin.includes('v8');
    });
    expect(loads).toContain(false);
  });

  // With --no-cache, Node.js itself loads the files of the program, and its list of modules has them.
  test('loads no other commands, nor what only their options need', () => {
    const { files } = one(join(FIXTURES, 'debian-6.1', 'vmcore.kdump'), '136', '--no-cache');
    expect(files).toEqual(['cli.js', 'program.js']);
    // The size of 2026-11-28; a larger one needs a reason. The last ones: ways to structures and symbols that read fewer pages, loops that
    // are functions of their own, which V8 compiles sooner, and text that neighbouring answers share.
    expect(statSync(join(ROOT, 'dist', 'program.js')).size).toBeLessThanOrEqual(543_500);
  });

  needing(recordedHosts).test('loads one part of the program for pages of a zstd dump', () => {
    const { builtin, files } = one(join(SHARED, 'dumps', 'debian-6.12-zstd', 'vmcore'), '182');
    expect(builtin).toEqual([]);
    expect(files).toEqual(['cli.js', 'parts/zstddec.js']);
  });
});

describe('pages of the dump that one answer reads', () => {
  /** The excerpt for an address contains the pages that are read. */
  const pages = (dump: string, pid: string): number => {
    const { stdout } = kvmVtop(['excerpt', '-c', dump, '-g', pid, '-p', '1001840', '--force', '-o', join(folder, 'x')]);
    return Number(/: (\d+) pages/.exec(stdout)?.[1]);
  };
  /** The numbers of 2026-11-28; a smaller one belongs here, a larger one needs a reason. */
  const MOST: Readonly<Record<string, readonly [fixture: number, host: number]>> = {
    'debian-5.10': [685, 691],
    'debian-6.1': [1018, 475],
    'debian-6.12': [578, 558],
    'debian-7.2': [1366, 628],
  };

  describe.each(HOSTS.filter(({ fixture }) => fixture in MOST))('$release', ({ fixture, host, pid }) => {
    const [most, ofHost] = MOST[fixture] as readonly [number, number];

    test('fixture', () => {
      expect(pages(join(FIXTURES, fixture, 'vmcore.kdump'), pid)).toBeLessThanOrEqual(most);
    });

    needing(recordedHosts).test('whole host', () => {
      expect(pages(join(SHARED, 'dumps', host, 'vmcore'), pid)).toBeLessThanOrEqual(ofHost);
    });
  });
});
