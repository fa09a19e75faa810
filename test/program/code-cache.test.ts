// SPDX-License-Identifier: Apache-2.0
// Compiled code that is kept for later runs. Whatever is in its place, and whoever wrote it, the answer is the same.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ALPHA, ANSWER, DUMP, ONE } from '../build/alpha.js';
import { contentOf } from '../build/queue.js';
import { scratch } from '../build/scratch.js';
import { type Need, needing } from '../needs.js';
import { FIXTURES, kvmVtop, LIMIT, ROOT } from '../run.js';

const { folder } = scratch('code');
const VERBOSE = ['-c', DUMP, ...ONE, '-v'];
const USED = /^compiled code: \//m;
const UNUSED = /^compiled code: none/m;
const KEPT = /^compiled code kept in /m;

/** A cache folder of its own, and the program that uses it. */
class Home {
  readonly home = mkdtempSync(join(folder, 'home-'));
  readonly environment: NodeJS.ProcessEnv = { ...process.env, XDG_CACHE_HOME: this.home, KVM_VTOP_CACHE: undefined };
  readonly program = join(this.home, 'kvm-vtop');
  readonly code = join(this.program, 'code');

  run(words: readonly string[] = VERBOSE) {
    return kvmVtop(words, '', this.environment);
  }

  /** Runs it twice, and returns the path of the code that is kept. */
  filled(): string {
    expect(this.run().stderr).toMatch(KEPT);
    expect(this.run().stderr).toMatch(USED);
    return this.file();
  }

  file(): string {
    const names = readdirSync(this.code);
    expect(names).toHaveLength(1);
    return join(this.code, names[0] as string);
  }
}

const changed = (change: (bytes: Buffer) => Buffer) => (path: string) => {
  writeFileSync(path, change(readFileSync(path)));
};
const flipped = (at: (length: number) => number) =>
  changed((bytes) => {
    const place = Math.floor(at(bytes.length));
    bytes[place] = (bytes[place] as number) ^ 0x10;
    return bytes;
  });
const chmodded = (mode: number) => (path: string) => {
  chmodSync(path, mode);
};
const swapped = (from: string, to: string) =>
  changed((bytes) => Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1'));

test('the second run uses what the first has compiled, and answers the same', () => {
  const home = new Home();
  const first = home.run();
  expect(first.stderr).toMatch(UNUSED);
  expect(first.stderr).toMatch(KEPT);
  const second = home.run();
  expect(second.stderr).toMatch(USED);
  expect(second.stderr).not.toMatch(KEPT);
  expect(second.stdout).toBe(first.stdout);
  expect(second.stdout).toMatch(ANSWER);
  expect(statSync(home.file()).mode & 0o777).toBe(0o600);
  for (const each of [home.program, home.code]) expect(statSync(each).mode & 0o777).toBe(0o700);
});

describe('in the place of what was kept', () => {
  const home = new Home();
  beforeAll(() => {
    home.filled();
  });
  const shortened = (length: (whole: number) => number) => (path: string) => {
    truncateSync(path, length(statSync(path).size));
  };

  test.each<readonly [string, (path: string) => void]>([
    ['a bit flipped at the start', flipped(() => 3)],
    ['a bit flipped in the key', flipped(() => 60)],
    ...[0.05, 0.2, 0.4, 0.49].map((part) => [`a bit flipped at ${part}`, flipped((length) => length * part)] as const),
    ['a bit flipped in the second copy', flipped((length) => length * 0.8)],
    ['nothing', shortened(() => 0)],
    ['a half', shortened((whole) => whole / 2)],
    ['all but the last byte', shortened((whole) => whole - 1)],
    ['a byte more', changed((bytes) => Buffer.concat([bytes, Buffer.of(0)]))],
    ['zeros after the first page', changed((bytes) => bytes.fill(0, 4096))],
    ['zeros', changed((bytes) => bytes.fill(0))],
    ['the code of another version of Node.js', swapped(process.version, process.version.replace(/\d/, '9'))],
    ['the code of another processor', swapped(` ${process.arch} `, ' ppc ')],
    ['another length', swapped('code 1 ', 'code 1 9')],
    ['a large file', shortened(() => 2 ** 33)],
    ['a file that others can write', chmodded(0o666)],
    ['a file of mode 0', chmodded(0)],
    [
      'a link',
      (path) => {
        renameSync(path, join(home.home, 'elsewhere'));
        symlinkSync(join(home.home, 'elsewhere'), path);
      },
    ],
    [
      'a named pipe',
      (path) => {
        rmSync(path);
        spawnSync('mkfifo', [path]);
      },
    ],
  ])('%s', (name, change) => {
    change(home.file());
    const run = home.run();
    expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
    // Root can read a file of mode 0.
    if (!(name === 'a file of mode 0' && process.getuid?.() === 0)) {
      expect(run.stderr).toMatch(UNUSED);
      expect(run.stderr).toMatch(KEPT);
    }
    expect(home.run().stderr).toMatch(USED);
  });

  test('a folder', () => {
    const path = home.file();
    rmSync(path);
    mkdirSync(path);
    expect(home.run()).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
    expect(readdirSync(home.code)).toHaveLength(1);
    rmSync(path, { recursive: true });
  });

  const root: Need = { name: 'root', isThere: () => process.getuid?.() === 0, installable: false };
  needing(root).test('a file of another user', () => {
    home.filled();
    chownSync(home.file(), 4242, 4242);
    const run = home.run();
    expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
    expect(run.stderr).toMatch(UNUSED);
    expect(statSync(home.file()).uid).toBe(0);
  });

  needing(root).test('a folder of another user', () => {
    const other = new Home();
    other.filled();
    chownSync(other.code, 4242, 4242);
    const run = other.run();
    expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
    expect(run.stderr).toMatch(/^compiled code not kept: .*not a folder that only this user can write to/m);
  });
});

test.each<readonly [string, (home: Home) => void]>([
  [
    'that others can write to',
    ({ program }) => {
      chmodSync(program, 0o777);
    },
  ],
  [
    'that is a link',
    (home) => {
      renameSync(home.code, `${home.code}-2`);
      symlinkSync(`${home.code}-2`, home.code);
    },
  ],
])('a folder %s is not used', (_name, change) => {
  const home = new Home();
  home.filled();
  change(home);
  const run = home.run();
  expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
  expect(run.stderr).toMatch(UNUSED);
  expect(run.stderr).not.toMatch(KEPT);
});

test.each(['/proc', '/dev/null/none', 'relative'])('without a folder that can be made (%s) nothing is said', (path) => {
  const environment = { ...process.env, XDG_CACHE_HOME: path, HOME: path };
  expect(kvmVtop(['-c', DUMP, ...ONE], '', environment)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(ANSWER),
    stderr: '',
  });
});

describe('nothing is kept', () => {
  // A run that fails may keep where the types of the kernel are.
  test.each<readonly [string, readonly string[], NodeJS.ProcessEnv, 'program' | 'code']>([
    ['with --no-cache', [...VERBOSE, '--no-cache'], {}, 'program'],
    ['with KVM_VTOP_CACHE=off', VERBOSE, { KVM_VTOP_CACHE: 'off' }, 'program'],
    ['by a run that fails', ['-c', DUMP, '-g', '1', '-p', '0', '-v'], {}, 'code'],
    ['by help', ['--help'], {}, 'program'],
  ])('%s', (_name, words, environment, absent) => {
    const home = new Home();
    const { stderr } = kvmVtop(words, '', { ...home.environment, ...environment });
    expect(stderr).not.toMatch(KEPT);
    expect(stderr).not.toMatch(USED);
    expect(existsSync(home[absent])).toBe(false);
  });
});

test('with other flags of V8 each has code of its own', () => {
  const home = new Home();
  home.filled();
  const flagged = () =>
    spawnSync(process.execPath, ['--stack-size=900', join(ROOT, 'dist', 'cli.js'), ...VERBOSE], {
      env: home.environment,
      encoding: 'utf8',
    });
  expect(flagged().stderr).toMatch(KEPT);
  expect(flagged().stderr).toMatch(USED);
  expect(home.run().stderr).toMatch(USED);
});

describe('a command that is in other files of the program', () => {
  const VMS = ['vms', '-c', join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump'), '-v'];
  const count = (text: string, what: RegExp): number => [...text.matchAll(new RegExp(what, 'gm'))].length;

  test('keeps each of them, and uses them the next time', () => {
    const home = new Home();
    const first = home.run(VMS);
    const files = readdirSync(home.code).length;
    expect(files).toBeGreaterThan(1);
    expect(count(first.stderr, UNUSED)).toBeGreaterThan(1);
    expect(count(first.stderr, KEPT)).toBe(files);
    const second = home.run(VMS);
    expect(count(second.stderr, USED)).toBe(count(first.stderr, UNUSED));
    expect(second.stderr).not.toMatch(KEPT);
    expect(second.stdout).toBe(first.stdout);
    expect(readdirSync(home.code)).toHaveLength(files);
  });

  test('compiles what is damaged anew, and only that', () => {
    const home = new Home();
    const { stdout } = home.run(VMS);
    for (const name of readdirSync(home.code)) {
      flipped((length) => length * 0.2)(join(home.code, name));
      const again = home.run(VMS);
      expect([again.status, again.stdout]).toEqual([0, stdout]);
      expect([count(again.stderr, UNUSED), count(again.stderr, KEPT)]).toEqual([1, 1]);
    }
  });

  test('shares the file that all need with the main command', () => {
    const home = new Home();
    home.run(VMS);
    expect(home.run().stderr).toMatch(USED);
  });
});

describe('a scan', () => {
  const NEW = join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump');
  const filesOf = (home: Home): number[] => readdirSync(home.code).map((name) => statSync(join(home.code, name)).ino);

  test('keeps what its process has compiled before that is ended; the next one uses it', () => {
    const home = new Home();
    const [first, second] = [home.run(['scan', NEW]), home.run(['scan', NEW])];
    expect([first.status, second.status]).toEqual([0, 0]);
    expect(contentOf(second.stdout)).toEqual(contentOf(first.stdout));
    const files = filesOf(home);
    // Those of all commands, and that which all need.
    expect(files.length).toBeGreaterThan(2);
    expect(home.run(['scan', NEW]).stdout).not.toBe('');
    expect(filesOf(home)).toEqual(files);
    expect(home.run().stderr).toMatch(USED);
  });

  test('of a file that is not a dump keeps nothing', () => {
    const home = new Home();
    const file = join(home.home, 'none');
    writeFileSync(file, 'not a dump');
    expect(home.run(['scan', file]).status).toBe(2);
    expect(existsSync(home.code)).toBe(false);
  });
});

test('another program of the same length is compiled anew', () => {
  const home = new Home();
  const dist = join(home.home, 'dist');
  cpSync(join(ROOT, 'dist'), dist, { recursive: true });
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [join(dist, 'cli.js'), ...words], { env: home.environment, encoding: 'utf8' });
  expect(run(...VERBOSE).stderr).toMatch(KEPT);
  expect(run(...VERBOSE).stderr).toMatch(USED);
  const program = join(dist, 'program.js');
  writeFileSync(program, readFileSync(program, 'latin1').replaceAll('HOST PHYSICAL', 'HOST ELSEWARE'), 'latin1');
  const other = run(...VERBOSE);
  expect(other.stderr).toMatch(UNUSED);
  expect(other.stdout).toMatch(/HOST ELSEWARE/);
});

test('many processes at once', async () => {
  const home = new Home();
  const runs = Array.from({ length: 8 }, () => {
    const child = spawn(process.execPath, [join(ROOT, 'dist', 'cli.js'), ...ALPHA, '-p', '1001840'], {
      env: home.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (piece) => (out += String(piece)));
    return new Promise<string>((resolve) => {
      child.on('close', () => {
        resolve(out);
      });
    });
  });
  for (const out of await Promise.all(runs)) expect(out).toMatch(ANSWER);
  expect(home.run().stderr).toMatch(USED);
  home.file();
});

test('a process that is killed while it writes leaves nothing that is used', async () => {
  const home = new Home();
  mkdirSync(home.code, { recursive: true, mode: 0o700 });
  const child = spawn(process.execPath, [join(ROOT, 'dist', 'cli.js'), ...VERBOSE], {
    env: home.environment,
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const limit = Date.now() + LIMIT;
  while (readdirSync(home.code).length === 0 && Date.now() < limit) await new Promise(setImmediate);
  child.kill('SIGKILL');
  await ended;
  expect(home.run()).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
  const last = home.run();
  expect(last).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
  expect(last.stderr).toMatch(USED);
});
