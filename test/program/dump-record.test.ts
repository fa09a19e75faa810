// SPDX-License-Identifier: Apache-2.0
// What is kept of a dump: what its kernel said of its symbols and types. It is used for the same files alone, and changes no answer.
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openImage } from '../../src/open.js';
import { ALPHA, ANSWER, DUMP } from '../build/alpha.js';
import { scratch } from '../build/scratch.js';
import { needing, recordedHosts } from '../needs.js';
import { HOSTS, kvmVtop, SHARED } from '../run.js';

const { folder } = scratch('dump-record');
const USED = /^record of the dump: \/\S+$/m;
const KEPT = /^record of the dump kept in /m;
/** Longer than what `FileStates` takes for one moment. */
const LATER_MS = 2100;

/** A cache folder of its own, and the program that uses it. */
class Home {
  readonly home = mkdtempSync(join(folder, 'home-'));
  readonly environment: NodeJS.ProcessEnv = { ...process.env, XDG_CACHE_HOME: this.home, KVM_VTOP_CACHE: undefined };
  readonly dumps = join(this.home, 'kvm-vtop', 'dumps');

  run(...words: readonly string[]) {
    return kvmVtop(words, '', this.environment);
  }

  files(): string[] {
    return readdirSync(this.dumps).map((name) => join(this.dumps, name));
  }
}

/** Without the lines of --verbose about times and caches. */
const settled = (text: string): string => text.replace(/^(?:(?:compiled code|record of)\b.*|.*: \d+\.\d ms)\n/gm, '');

const hosts = needing(recordedHosts);

hosts.describe.each(HOSTS)('$release', ({ host, pid }) => {
  const dump = join(SHARED, 'dumps', host, 'vmcore');
  const questions: readonly (readonly string[])[] = [
    ['-c', dump, '-g', pid, '-p', '1001840', '--facts', '-v'],
    ['-c', dump, '-g', pid, '-p', 'fec00000', '--json', '-v'],
    ['vms', '-c', dump, '--json', '-v'],
    ['slots', '-c', dump, '-g', pid, '--json', '-v'],
    ['vcpus', '-c', dump, '--json', '-v'],
    ['map', '-c', dump, '-g', pid, '--summary', '--json', '-v'],
    ['page', '-c', dump, '--pfn', '1000-10ff', '--json', '-v'],
    ['owner', '-c', dump, '--pfn', '1000-103f', '--json', '-v'],
    ['npt', '-c', dump, '-g', pid, '-p', '1001840', '--json', '-v'],
    ['log', '-c', dump, '--json', '-v'],
    ['hva', '-c', dump, '-g', pid, '7f5763e01840', '--json', '-v'],
  ];

  hosts.test('answers are those without a record, in each order of the questions', () => {
    const without = questions.map((words) => kvmVtop([...words, '--no-cache']));
    for (const order of [questions, questions.toReversed()]) {
      const home = new Home();
      for (const round of [1, 2])
        for (const words of order) {
          const { status, stdout, stderr } = home.run(...words);
          const right = without[questions.indexOf(words)];
          expect([words, status, stdout]).toEqual([words, right?.status, right?.stdout]);
          expect(settled(stderr)).toBe(settled(right?.stderr ?? '').replace(/^caches: none\n/m, ''));
          if (round === 2) expect(stderr).toMatch(USED);
        }
      expect(home.files()).toHaveLength(1);
    }
  });
});

hosts.describe('a record', () => {
  const original = join(SHARED, 'dumps', 'debian-6.1-zlib', 'vmcore');
  const ONE = ['-g', '136', '-p', '1001840', '-v'];

  hosts.test('is of this user alone, and of files that have not been written to', async () => {
    const home = new Home();
    const copy = join(home.home, 'copy');
    copyFileSync(original, copy);
    // What was written just now can be written to again in the same moment.
    expect(home.run('-c', copy, ...ONE).stderr).not.toMatch(KEPT);
    await new Promise((resolve) => setTimeout(resolve, LATER_MS));
    expect(home.run('-c', copy, ...ONE).stderr).toMatch(KEPT);
    expect(home.run('-c', copy, ...ONE).stderr).toMatch(USED);
    for (const path of home.files()) expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(home.dumps).mode & 0o777).toBe(0o700);
    // Another time of modification, as it has been before.
    const { atime, mtime } = statSync(copy);
    utimesSync(copy, atime, mtime);
    expect(home.run('-c', copy, ...ONE).stderr).not.toMatch(USED);
    await new Promise((resolve) => setTimeout(resolve, LATER_MS));
    const changed = home.run('-c', copy, ...ONE);
    expect(changed.stderr).not.toMatch(USED);
    expect(changed.stderr).toMatch(KEPT);
    expect(changed.stdout).toMatch(ANSWER);
  });

  hosts.test.each<readonly [string, (path: string, bytes: Buffer) => void]>([
    [
      'with a bit flipped',
      (path, bytes) => {
        writeFileSync(path, flipped(bytes, Math.floor(bytes.length * 0.6)));
      },
    ],
    [
      'with a bit flipped in its first line',
      (path, bytes) => {
        writeFileSync(path, flipped(bytes, 60));
      },
    ],
    [
      'that is cut off',
      (path, bytes) => {
        writeFileSync(path, bytes.subarray(0, bytes.length - 5));
      },
    ],
    [
      'that is empty',
      (path) => {
        writeFileSync(path, '');
      },
    ],
    [
      'that others can write',
      (path) => {
        chmodSync(path, 0o666);
      },
    ],
    [
      'of another build of the program',
      (path, bytes) => {
        writeFileSync(path, bytes.toString('latin1').replace(/"[0-9a-f]{64}"/, `"${'0'.repeat(64)}"`));
      },
    ],
    [
      'of another crash',
      (path, bytes) => {
        writeFileSync(path, bytes.toString('latin1').replace('CRASHTIME=1', 'CRASHTIME=2'));
      },
    ],
  ])('%s is not used', (_name, change) => {
    const home = new Home();
    const { stdout } = home.run('-c', original, ...ONE);
    const [path] = home.files() as [string];
    change(path, readFileSync(path));
    const run = home.run('-c', original, ...ONE);
    expect(run.stderr).not.toMatch(USED);
    expect([run.status, run.stdout]).toEqual([0, stdout]);
  });

  hosts.test('has what --verbose says of symbols and types', () => {
    const home = new Home();
    home.run('-c', original, ...ONE);
    const { stderr } = home.run('-c', original, ...ONE);
    expect(stderr).toMatch(USED);
    expect(stderr).toMatch(/^symbols: 94101 in kallsyms of the dump$/m);
    expect(stderr).toMatch(/^types: BTF of vmlinux and of module kvm$/m);
  });

  hosts.test('of what was read with types from a file is not kept', () => {
    const home = new Home();
    const [layout, bad] = [join(home.home, 'layout.json'), join(home.home, 'bad.json')];
    expect(home.run('layout', '-c', original, '-o', layout).status).toBe(0);
    const text = readFileSync(layout, 'utf8');
    const wrong = text.replace(/("num_symtab": *\{\s*"offset": *)8\b/, '$112');
    expect(wrong).not.toBe(text);
    writeFileSync(bad, wrong);
    const words = ['slots', '-c', original, '-g', '136'];
    const right = home.run(...words, '--no-cache');
    home.run('vms', '-c', original, '--layout', bad);
    for (let i = 0; i < 2; i++) expect(home.run(...words)).toEqual(right);
    home.run('vms', '-c', original, '--layout', bad);
    expect(home.run(...words)).toEqual(right);
  });

  hosts.test('does not take part with types from a file', () => {
    const home = new Home();
    const [layout, less] = [join(home.home, 'layout.json'), join(home.home, 'less.json')];
    home.run('layout', '-c', original, '-o', layout);
    const { structs, ...others } = JSON.parse(readFileSync(layout, 'utf8')) as { structs: Record<string, unknown> };
    writeFileSync(less, JSON.stringify({ ...others, structs: { ...structs, mod_kallsyms: null } }));
    const words = ['vms', '-c', original, '--types', 'layout', '--layout', less];
    const right = home.run(...words, '--no-cache');
    expect(right.stderr).toMatch(/symbols can't be read/);
    home.run('vms', '-c', original);
    for (let i = 0; i < 2; i++) expect(home.run(...words)).toEqual(right);
  });

  hosts.test('is not made of raw memory, which can be that of a guest that runs', async () => {
    const home = new Home();
    const raw = join(home.home, 'raw');
    const { image, close } = await openImage(original);
    const file = openSync(raw, 'w');
    for (const frame of image.reader.present()) {
      const page = image.frame(frame);
      if (page !== null) writeSync(file, page, 0, 4096, frame * 4096);
    }
    closeSync(file);
    close();
    await new Promise((resolve) => setTimeout(resolve, LATER_MS));
    const words = ['-c', raw, '--input-format', 'raw', ...ONE];
    for (let i = 0; i < 2; i++) {
      const run = home.run(...words);
      expect([run.status, run.stdout]).toEqual([0, expect.stringMatching(ANSWER)]);
      expect(run.stderr).not.toMatch(KEPT);
    }
    expect(() => home.files()).toThrow(/ENOENT/);
  });

  hosts.test('is not made by scan, which reads each dump once', () => {
    const home = new Home();
    expect(home.run('scan', original).status).toBe(0);
    expect(() => home.files()).toThrow(/ENOENT/);
  });
});

test('there is no record of an excerpt, which belongs to a report of a problem', () => {
  const home = new Home();
  expect(home.run(...ALPHA, '-p', '1001840').stdout).toMatch(ANSWER);
  expect(home.run('-c', DUMP, '-g', '136', '-p', '1001840', '-v').stderr).not.toMatch(USED);
  expect(() => home.files()).toThrow(/ENOENT/);
});

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] as number) ^ 1;
  return bytes;
}
