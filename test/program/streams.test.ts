// SPDX-License-Identifier: Apache-2.0
// Standard output that is full or closed, and input that arrives slowly, or in hundreds of thousands of lines.
import { spawn, spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { ALPHA, DUMP } from '../build/alpha.js';
import { scratch } from '../build/scratch.js';
import { fullDevice, needing } from '../needs.js';
import { kvmVtop, ROOT } from '../run.js';

const { file } = scratch('streams');

describe('streams', () => {
  const many = Array.from({ length: 200_000 }, (_, i) => ((i % 30000) * 4096).toString(16)).join('\n');

  test('if the reader closes early the program ends without a message', () => {
    const path = file(many);
    const run = spawnSync(
      'sh',
      [
        '-c',
        `{ "${process.execPath}" dist/cli.js -c "${DUMP}" -g 136 -p - --json < "${path}"; echo "status $?" >&2; } | head -3`,
      ],
      { cwd: ROOT, encoding: 'utf8' },
    );
    expect(run.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(run.stderr.trim()).toBe('status 0');
  });

  needing(fullDevice).test('a full disk is an error for help too', () => {
    const run = spawnSync('sh', ['-c', `"${process.execPath}" dist/cli.js --help > /dev/full`], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(run).toMatchObject({
      status: 2,
      stderr: 'kvm-vtop: standard output: no space left on device\n',
    });
  });

  needing(fullDevice).test('a full disk is an error of one line, without a stack', () => {
    const run = spawnSync('sh', ['-c', `"${process.execPath}" dist/cli.js -c "${DUMP}" -g 136 -p 0 > /dev/full`], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(run.status).toBe(2);
    expect(run.stderr).toBe('kvm-vtop: standard output: no space left on device\n');
  });

  test('an address is answered before the next one arrives', async () => {
    const child = spawn(process.execPath, ['dist/cli.js', ...ALPHA, '-p', '-', '--json'], { cwd: ROOT });
    const answer = () =>
      new Promise<string>((resolve) =>
        child.stdout.once('data', (data: Buffer) => {
          resolve(data.toString());
        }),
      );
    for (const gpa of ['840', '1840']) {
      const next = answer();
      child.stdin.write(`${gpa}\n`);
      expect(JSON.parse(await next)).toMatchObject({ gpa: `0x${gpa}`, state: 'mapped' });
    }
    child.stdin.end();
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });

  test('a pipe gets the same as a file, in the same order', () => {
    const path = file(many.slice(0, 20_000));
    const run = (end: string): string => {
      const command = `"${process.execPath}" dist/cli.js -c "${DUMP}" -g 136 -p - --json < "${path}" ${end}`;
      return spawnSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 28 }).stdout;
    };
    const out = file('');
    const piped = run('| cat');
    expect(piped.split('\n').length).toBeGreaterThan(1000);
    expect(run(`> "${out}"; cat "${out}"`)).toBe(piped);
  });

  test('a full pipe that does not wait gets all of the answer', () => {
    const [node, one] = [`"${process.execPath}"`, `dist/cli.js -c "${DUMP}" -g 136 -p 1001840`];
    // As a stream of Node.js, the other program makes the pipe one that does not wait, and fills it.
    const fill = `${node} -e 'process.stdout.write("~".repeat(100000))'`;
    const command = `{ ${fill} & sleep 2; ${node} ${one}; wait; } | { sleep 5; cat; }`;
    const { stdout } = spawnSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8' });
    expect(stdout.replaceAll('~', '')).toBe(kvmVtop([...ALPHA, '-p', '1001840']).stdout);
    expect(stdout.match(/~/g)).toHaveLength(100000);
  });

  test('200,000 addresses give 200,000 lines', () => {
    const { stdout } = kvmVtop([...ALPHA, '-p', '-', '--json'], many);
    expect(stdout.trimEnd().split('\n')).toHaveLength(200_000);
  });
});
