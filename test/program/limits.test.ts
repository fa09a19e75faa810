// SPDX-License-Identifier: Apache-2.0
// The program with less address space than WebAssembly reserves.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ANSWER, DUMP, ONE } from '../build/alpha.js';
import { compile } from '../build/compiled.js';
import { kdump, type Packing } from '../build/files.js';
import { type Contents, contentsOf, framesOf } from '../build/recoded.js';
import { expectRefusal } from '../build/refusal.js';
import { scratch } from '../build/scratch.js';
import { gcc, needing, xz } from '../needs.js';
import { kvmVtop, LIMIT, ROOT, type Run } from '../run.js';

const { file } = scratch('limits');

let contents: Contents;
beforeAll(async () => {
  contents = await contentsOf(DUMP);
});
const repacked = (packing: Packing): string =>
  file(
    kdump({
      version: 6,
      packing,
      pages: contents.pages,
      frames: framesOf(contents),
      notes: [{ name: 'VMCOREINFO', type: 0, desc: contents.info }],
    }),
  );

describe('a limit of the address space, as batch systems set it', () => {
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

  test.each(['zlib', 'lzo', 'raw'] as const)('%s pages do not need it', (packing) => {
    expect(limited(['-c', repacked(packing), ...ONE]).stdout).toMatch(ANSWER);
  });

  needing(gcc, xz).test('kvm.ko.xz: one line', () => {
    const object = compile('int nothing;');
    spawnSync('xz', ['-k', object]);
    expectRefusal(
      limited(['-c', DUMP, ...ONE, '--kvm-module', `${object}.xz`]),
      /xz decompression failed: .*; unpack it with xz -d/,
    );
  });

  test('--jitless, without WebAssembly', () => {
    const jitless = (packing: Packing) =>
      spawnSync(process.execPath, ['--jitless', join(ROOT, 'dist', 'cli.js'), '-c', repacked(packing), ...ONE], {
        encoding: 'utf8',
        timeout: LIMIT,
      });
    expect(jitless('zlib').stdout).toMatch(ANSWER);
    const { status, stderr } = jitless('zstd');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^kvm-vtop: the zstd decoder can't be started: /m);
  });
});
