// SPDX-License-Identifier: Apache-2.0
// Layout profiles: written from a dump, included with the program, used, and refused if damaged or of another build.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { scratch } from '../build/scratch.js';
import { FIXTURES, HOSTS, kvmVtop, ROOT } from '../run.js';

const SHIPPED = join(ROOT, 'src', 'layouts');
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
const shipped = readdirSync(SHIPPED).filter((name) => name.endsWith('.json'));
const { file } = scratch('layout');
const dumpOf = (name: string) => join(FIXTURES, name, 'vmcore.kdump');

describe.each(HOSTS)('$fixture', ({ fixture, pid }) => {
  const ask = (...options: string[]) =>
    kvmVtop(['-c', dumpOf(fixture), '-g', pid, '-p', '0', '840', '3000840', 'ffffffffff', '--json', ...options]);

  test('answers are the same with its own types and with the included profile', () => {
    const { stdout, status } = ask('--types', 'btf');
    expect(stdout.trimEnd().split('\n')).toHaveLength(4);
    expect(ask('--types', 'layout')).toMatchObject({ stdout, status, stderr: '' });
  });

  test('the included profile of the same build is accepted, and no other', () => {
    for (const name of shipped) {
      const { status, stderr } = ask('--layout', join(SHIPPED, name));
      const { release } = read(dumpOf(fixture).replace('vmcore.kdump', 'facts.json'));
      if (name === `${String(release)}.json`) expect(status).toBe(1);
      else
        expect({ status, stderr }).toMatchObject({
          status: 2,
          stderr: expect.stringMatching(/is from another build: for kernel .*; the dump is of /),
        });
    }
  });
});

describe('an invalid profile is refused in one line', () => {
  const profile = () =>
    read(join(SHIPPED, '6.1.0-50-amd64.json')) as {
      structs: Record<string, { members: Record<string, Record<string, unknown>> }>;
    } & Record<string, unknown>;
  const pid = (change: Record<string, unknown>) => {
    const changed = profile();
    Object.assign(changed.structs.task_struct?.members.pid ?? {}, change);
    return changed;
  };
  test.each<readonly [string, () => unknown, RegExp]>([
    ['no JSON', () => null, /"format" is not/],
    ['another format', () => ({ ...profile(), format: 'x' }), /"format" is not "kvm-vtop layout"/],
    ['a later version', () => ({ ...profile(), formatVersion: 3 }), /"formatVersion" is not 2/],
    [
      'an earlier version',
      () => ({ ...profile(), formatVersion: 1 }),
      /it was written by an earlier kvm-vtop, which did not record what the kernel lacks; write it again with 'kvm-vtop layout'/,
    ],
    [
      'another build of the kernel, with the same release, number and date',
      () => ({ ...profile(), buildId: 'ab'.repeat(20) }),
      /is from another build: for kernel 6\.1\.0-50-amd64 .*, build-id abab/,
    ],
    [
      'another build of module kvm',
      () => ({ ...profile(), kvmBuildId: 'ab'.repeat(20) }),
      /is from another build: build-id (ab){20}, but the module kvm in the dump has [0-9a-f]{40}/,
    ],
    ['no release', () => ({ ...profile(), release: '' }), /"release" is missing/],
    ['an offset outside', () => pid({ offset: 1_000_000 }), /task_struct\.pid is not valid, or is outside/],
    ['an array longer than its member', () => pid({ count: 2 ** 31 }), /task_struct\.pid is not valid, or is outside/],
    ['an array of parts of bytes', () => pid({ count: 3 }), /task_struct\.pid is not valid, or is outside/],
    ['an offset that is not a number', () => pid({ offset: '4' }), /task_struct\.pid is not valid, or is outside/],
    ['an unknown kind', () => pid({ kind: 'float' }), /task_struct\.pid is not valid, or is outside/],
    ['a width that is not supported', () => pid({ size: 8 }), /task_struct\.pid of 4 bytes \(it has 8\)/],
  ])('%s', (name, make, message) => {
    const path = file(JSON.stringify(make()), `${name}.json`);
    const run = kvmVtop(['-c', dumpOf('debian-6.1'), '-g', '136', '-p', '0', '--types', 'layout', '--layout', path]);
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr.trimEnd()).toMatch(message);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a missing file, and a text file', () => {
    const ask = (path: string) =>
      kvmVtop(['-c', dumpOf('debian-6.1'), '-g', '136', '-p', '0', '--layout', path]).stderr;
    expect(ask('/nowhere.json')).toMatch(/^kvm-vtop: \/nowhere\.json: no such file/);
    expect(ask(join(ROOT, 'README.md'))).toMatch(/README\.md: invalid layout profile: /);
  });
});

test('an existing file or an input file is never overwritten by a profile', () => {
  const path = file('theirs', 'taken.json');
  expect(kvmVtop(['layout', '-c', dumpOf('debian-6.1'), '-o', path]).stderr).toMatch(/already exists/);
  expect(kvmVtop(['layout', '-c', dumpOf('debian-6.1'), '-o', dumpOf('debian-6.1'), '--force']).stderr).toMatch(
    /is an input file/,
  );
  expect(readFileSync(path, 'utf8')).toBe('theirs');
});
