// SPDX-License-Identifier: Apache-2.0
// Text files as other systems write them: UTF-8 with a byte order mark (BOM), UTF-16, lines that end in CR LF.
import { spawn } from 'node:child_process';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ALPHA, ANSWER, DUMP, ONE } from '../build/alpha.js';
import { contentsOf } from '../build/recoded.js';
import { expectRefusal } from '../build/refusal.js';
import { scratch } from '../build/scratch.js';
import { kvmVtop, ROOT } from '../run.js';

const { file } = scratch('text');

describe('text files from other systems', () => {
  const asked = '1001840\r\n840\r\n';
  const ask = (input: string | Buffer) => kvmVtop([...ALPHA, '-p', '-', '--json'], input);
  let info = '';
  beforeAll(async () => {
    info = (await contentsOf(DUMP)).info.toString('latin1');
  });

  test('a UTF-8 BOM before the first address is ignored', () => {
    expect(ask(`\ufeff${asked}`)).toMatchObject({ status: 0, stdout: ask(asked).stdout });
    expect(ask(asked).stdout.split('\n')).toHaveLength(3);
  });

  test('a BOM that arrives byte by byte is recognised', async () => {
    const args = ['dist/cli.js', ...ALPHA, '-p', '-', '--json'];
    const answerTo = async (...pieces: readonly string[]): Promise<string> => {
      const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] });
      const closed = new Promise((resolve) => child.once('close', resolve));
      // The process may end before all input is written.
      child.stdin.on('error', () => undefined);
      let out = '';
      child.stdout.on('data', (data: Buffer) => (out += data.toString()));
      child.stderr.on('data', (data: Buffer) => (out += data.toString()));
      for (const piece of pieces) {
        child.stdin.write(Buffer.from(piece, 'latin1'));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      child.stdin.end();
      await closed;
      return out;
    };
    expect(await answerTo('\xff', '\xfe1\0', '\n\0')).toMatch(/^kvm-vtop: standard input is text in UTF-16/);
    expect(await answerTo('\xef', '\xbb', '\xbf840\n')).toMatch(/^\{"gpa":"0x840"/);
    expect(await answerTo('8', '40\n')).toMatch(/^\{"gpa":"0x840"/);
  });

  test('UTF-16 is refused by name', () => {
    expectRefusal(
      ask(Buffer.from(`\ufeff${asked}`, 'utf16le')),
      /standard input is text in UTF-16; convert it to UTF-8: iconv/,
    );
  });

  test.each<readonly [string, (text: string) => Buffer]>([
    ['lines that end in CR LF', (text) => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')],
    ['a UTF-8 BOM', (text) => Buffer.from(`\ufeff${text}`)],
  ])('--vmcoreinfo with %s', (_name, turn) => {
    const path = file(turn(info));
    expect(kvmVtop(['-c', DUMP, ...ONE, '--vmcoreinfo', path])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(ANSWER),
    });
  });

  test('--vmcoreinfo in UTF-16 is refused by name', () => {
    const path = file(Buffer.from(`\ufeff${info}`, 'utf16le'), 'wide');
    expectRefusal(
      kvmVtop(['-c', DUMP, ...ONE, '--vmcoreinfo', path]),
      /wide is text in UTF-16; convert it to UTF-8: iconv/,
    );
  });
});
