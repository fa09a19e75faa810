// SPDX-License-Identifier: Apache-2.0
// What is kept of a kernel's build. It only makes answers faster, and is not believed unless the dump proves it.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DUMP, ONE } from '../build/alpha.js';
import { scratch } from '../build/scratch.js';
import { type Need, needing, recordedHosts } from '../needs.js';
import { FIXTURES, HOSTS, kvmVtop, SHARED } from '../run.js';

const { folder } = scratch('record');
const USED = /^record of the kernel's build: \/\S+$/m;
const SYMBOLS_ONLY = /^record of the kernel's build: \/\S+, only its symbols$/m;
const KEPT = /^record of the kernel's build kept in /m;
const root: Need = { name: 'root', isThere: () => process.getuid?.() === 0, installable: false };

/** A cache folder of its own, and the program that uses it. */
class Home {
  readonly home = mkdtempSync(join(folder, 'home-'));
  readonly environment: NodeJS.ProcessEnv = { ...process.env, XDG_CACHE_HOME: this.home, KVM_VTOP_CACHE: undefined };
  readonly builds = join(this.home, 'kvm-vtop', 'builds');

  run(dump: string, ...words: readonly string[]) {
    return kvmVtop(['-c', dump, ...words], '', this.environment);
  }

  /** A copy of a recorded host, of which there is no record that would be used instead: it seems to be written to in the future. */
  copyOf(host: string): string {
    const copy = join(mkdtempSync(join(this.home, 'copy-')), 'vmcore');
    copyFileSync(join(SHARED, 'dumps', host, 'vmcore'), copy);
    const tomorrow = new Date(Date.now() + 86_400_000);
    utimesSync(copy, tomorrow, tomorrow);
    return copy;
  }

  files(): string[] {
    return readdirSync(this.builds).map((name) => join(this.builds, name));
  }

  /** Keeps the record of the 6.1 fixture's build, and returns its path. */
  filled(): string {
    expect(this.run(DUMP, ...ONE, '-v').stderr).toMatch(KEPT);
    return this.files()[0] as string;
  }
}

test('a record is of one build, and belongs to the user alone', () => {
  const home = new Home();
  home.filled();
  for (const { fixture, pid } of HOSTS) home.run(join(FIXTURES, fixture, 'vmcore.kdump'), '-g', pid, '-p', '1001840');
  const files = home.files();
  expect(files).toHaveLength(HOSTS.length);
  for (const path of files) expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(home.builds).mode & 0o777).toBe(0o700);
  // The same for each address and each run.
  const before = files.map((path) => readFileSync(path, 'latin1'));
  const again = home.run(DUMP, ...ONE, '-v');
  expect(again.stderr).toMatch(USED);
  expect(again.stderr).not.toMatch(KEPT);
  expect(files.map((path) => readFileSync(path, 'latin1'))).toEqual(before);
});

test('what one dump says is not believed for a copy of it', () => {
  const home = new Home();
  const copy = join(home.home, 'copy');
  home.filled();
  copyFileSync(DUMP, copy);
  expect(home.run(copy, ...ONE, '-v').stderr).not.toMatch(USED);
  expect(home.run(copy, ...ONE, '-v').stderr).toMatch(USED);
});

describe.each(HOSTS)('$release', ({ fixture, host, pid }) => {
  const questions = [
    ['-g', pid, '-p', '1001840', '--json'],
    ['-g', pid, '-p', 'fec00000', '--json'],
  ];

  needing(recordedHosts).test('answers with a record are those without one', () => {
    const home = new Home();
    const dump = home.copyOf(host);
    for (const words of questions) {
      const without = home.run(dump, ...words, '--no-cache');
      for (let i = 0; i < 2; i++) expect(home.run(dump, ...words)).toEqual(without);
    }
    expect(home.run(dump, ...(questions[0] ?? []), '-v').stderr).toMatch(USED);
  });

  needing(recordedHosts).test('the places of symbols are used for other dumps of the build, except excerpts', () => {
    const home = new Home();
    const words = questions[0] as readonly string[];
    const [dump, copy] = [home.copyOf(host), home.copyOf(host)];
    home.run(dump, ...words);
    const [record] = home.files() as [string];
    const places = (): string[] => readFileSync(record, 'latin1').match(/^symbols \d+ \w+$/gm) ?? [];
    // 5.10 does not sort its symbols.
    const isSorted = fixture !== 'debian-5.10';
    expect(places().length > 5).toBe(isSorted);
    const run = home.run(copy, ...words, '-v');
    expect(SYMBOLS_ONLY.test(run.stderr)).toBe(isSorted);
    expect({ ...run, stderr: '' }).toEqual({ ...home.run(dump, ...words, '--no-cache'), stderr: '' });
    const excerpt = join(FIXTURES, fixture, 'vmcore.kdump');
    const before = places();
    home.run(excerpt, ...words);
    expect(places()).toEqual(before);
  });

  test('an excerpt has all that is needed without a record', () => {
    const home = new Home();
    const dump = join(FIXTURES, fixture, 'vmcore.kdump');
    const excerpt = (name: string): Buffer => {
      const path = join(home.home, name);
      const { status } = kvmVtop(
        ['excerpt', '-c', dump, ...ONE.map((word) => (word === '136' ? pid : word)), '-o', path],
        '',
        home.environment,
      );
      expect(status).toBe(0);
      return readFileSync(path);
    };
    const before = excerpt('before');
    home.run(dump, '-g', pid, '-p', '1001840');
    expect(home.files()).toHaveLength(1);
    expect(excerpt('after').equals(before)).toBe(true);
  });
});

describe('a record is not read', () => {
  test.each<readonly [string, (path: string, home: Home) => void]>([
    [
      'if a bit is flipped',
      (path) => {
        const bytes = readFileSync(path);
        bytes[300] = (bytes[300] as number) ^ 1;
        writeFileSync(path, bytes);
      },
    ],
    [
      'if an ID is another one',
      (path) => {
        writeFileSync(path, readFileSync(path, 'latin1').replace(/(structures \d)\d/, '$17'));
      },
    ],
    [
      'if it is cut off',
      (path) => {
        writeFileSync(path, readFileSync(path).subarray(0, 400));
      },
    ],
    [
      'if it is empty',
      (path) => {
        writeFileSync(path, '');
      },
    ],
    [
      'if it is of another build',
      (path) => {
        writeFileSync(path, readFileSync(path, 'latin1').replace('6.1.0-50', '6.1.0-51'));
      },
    ],
    [
      'if others can write to it',
      (path) => {
        chmodSync(path, 0o622);
      },
    ],
    [
      'if others can write to its folder',
      (_path, home) => {
        chmodSync(home.builds, 0o777);
      },
    ],
    [
      'if it is a link',
      (path, home) => {
        renameSync(path, join(home.home, 'x'));
        symlinkSync(join(home.home, 'x'), path);
      },
    ],
  ])('%s', (_name, change) => {
    const home = new Home();
    change(home.filled(), home);
    const without = home.run(DUMP, ...ONE, '--no-cache');
    const run = home.run(DUMP, ...ONE, '-v');
    expect(run.stderr).not.toMatch(USED);
    expect({ ...run, stderr: '' }).toEqual(without);
  });

  needing(root).test('if it is of another user', () => {
    const home = new Home();
    chownSync(home.filled(), 4242, 4242);
    expect(home.run(DUMP, ...ONE, '-v').stderr).not.toMatch(USED);
  });

  test('with --no-cache, which does not write one either', () => {
    const home = new Home();
    home.run(DUMP, ...ONE, '--no-cache');
    expect(existsSync(home.builds)).toBe(false);
    home.filled();
    expect(home.run(DUMP, ...ONE, '--no-cache', '-v').stderr).not.toMatch(USED);
  });
});
