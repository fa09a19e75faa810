// SPDX-License-Identifier: Apache-2.0
// Debug information from a server, with and without --debuginfod; the server is on this machine.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { openObject } from '../../src/debuginfo/dwarf-file.js';
import { buildIdNote } from '../../src/elf/notes.js';
import { compile, toC } from '../build/compiled.js';
import { elfCore } from '../build/files.js';
import { SyntheticHost } from '../build/host.js';
import type { HostOptions } from '../build/options.js';
import { gcc, needing, strace } from '../needs.js';
import { ROOT } from '../run.js';

const withGcc = needing(gcc);
let server: Server | null = null;

/** Starts a server with the given answer, which records its requests. */
async function serve(
  answer: (response: ServerResponse, url: string) => void,
): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const made = createServer(({ url = '' }, response) => {
    asked.push(url);
    answer(response, url);
  });
  server = made;
  await new Promise<void>((done) => made.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(made.address() as AddressInfo).port}`, asked };
}

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = null;
});

/** Runs the program while the server in this process answers. */
function ask(dump: string, environment: Readonly<Record<string, string>>, ...options: string[]) {
  const args = ['dist/cli.js', '-c', dump, '-g', '191', '-p', '4000', '--json', '--types', 'dwarf', ...options];
  return new Promise<{ status: number | null; stdout: string; stderr: string }>((done) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...environment } });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.once('close', (status) => {
      done({ status, stdout, stderr });
    });
  });
}

withGcc.describe('debuginfod', () => {
  async function hostWithServer(only: (name: string) => boolean = () => true, options: HostOptions = {}) {
    const host = new SyntheticHost({ noBtf: true });
    const path = compile(toC(host.layouts, only), { linked: true });
    const buildId = (await openObject(path)).buildId as string;
    const made = new SyntheticHost({ noBtf: true, buildId, ...options });
    made.vmm(191, [{ id: 0, gpa: 0n, pages: 16n, hva: 0x7f0000000000n }]).tables.map(0x7f0000004000n, 0x234);
    const text = made.vmcoreinfo();
    const dump = join(mkdtempSync(join(tmpdir(), 'kvm-vtop-debuginfod-')), 'dump');
    const segments = [...made.memory.frames].map(([frame, bytes]) => ({ paddr: frame * 4096, bytes }));
    writeFileSync(dump, elfCore({ segments, notes: [{ name: 'VMCOREINFO', type: 0, desc: Buffer.from(text) }] }));
    const cache = mkdtempSync(join(tmpdir(), 'kvm-vtop-debuginfod-cache-'));
    return { dump, path, buildId, cache };
  }

  test('downloads by build-id, stores the file, and does not ask again', async () => {
    const { dump, path, buildId, cache } = await hostWithServer();
    const { url, asked } = await serve((response) => response.end(readFileSync(path)));
    const environment = { DEBUGINFOD_URLS: `https://127.0.0.1:1/ ${url}/`, DEBUGINFOD_CACHE_PATH: cache };
    const first = await ask(dump, environment, '--debuginfod');
    expect(first.status).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ hpa: '0x234000' });
    expect(first.stderr).toMatch(/^kvm-vtop: debuginfod https:\/\/127\.0\.0\.1:1\/: .*\n$/);
    expect(asked).toEqual([`/buildid/${buildId}/debuginfo`]);
    expect(existsSync(join(cache, buildId, 'debuginfo'))).toBe(true);
    expect((await ask(dump, environment, '--debuginfod')).stdout).toBe(first.stdout);
    expect(asked).toHaveLength(1);
  });

  test('downloads kvm.ko by the build-id of the running module', async () => {
    const isKvms = (name: string) => /kvm|gmem/.test(name);
    const kvmBuildId = 'cd'.repeat(20);
    const { dump, path, buildId, cache } = await hostWithServer((name) => !isKvms(name), { kvmBuildId });
    const note = `__attribute__((section(".note.gnu.build-id"))) const unsigned char id[] = {${buildIdNote(kvmBuildId).join(',')}};\n`;
    const module = compile(note + toC(new SyntheticHost().layouts, isKvms));
    const files = new Map([
      [buildId, path],
      [kvmBuildId, module],
    ]);
    const { url, asked } = await serve((response, from) =>
      response.end(readFileSync(files.get(from.split('/')[2] ?? '') ?? '')),
    );
    const run = await ask(dump, { DEBUGINFOD_URLS: url, DEBUGINFOD_CACHE_PATH: cache }, '--debuginfod');
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(run.stdout)).toMatchObject({ hpa: '0x234000' });
    expect(asked).toEqual([`/buildid/${buildId}/debuginfo`, `/buildid/${kvmBuildId}/debuginfo`]);
  });

  test.each(['a file in its place', 'no home folder'])('%s: the downloaded file is used in this run', async (name) => {
    const { dump, path, cache } = await hostWithServer();
    const { url } = await serve((response) => response.end(readFileSync(path)));
    const file = join(cache, 'file');
    writeFileSync(file, '');
    const folder = name === 'no home folder' ? { HOME: '', XDG_CACHE_HOME: '' } : { DEBUGINFOD_CACHE_PATH: file };
    const run = await ask(dump, { DEBUGINFOD_URLS: url, ...folder }, '--debuginfod');
    expect(run.status).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ hpa: '0x234000' });
    if (name === 'no home folder') expect(run.stderr).toBe('');
    else
      expect(run.stderr).toMatch(
        /the file from debuginfod can't be cached, .*; to use another folder, set DEBUGINFOD_CACHE_PATH\n$/,
      );
  });

  test('without --debuginfod no server is asked, whatever the environment says', async () => {
    const { dump, cache } = await hostWithServer();
    const { url, asked } = await serve((response) => response.end());
    const run = await ask(dump, { DEBUGINFOD_URLS: url, DEBUGINFOD_CACHE_PATH: cache });
    expect(run.status).toBe(2);
    expect(asked).toEqual([]);
  });

  needing(gcc, strace).test('without --debuginfod no socket is opened', async () => {
    const { dump } = await hostWithServer();
    const trace = `${dump}.strace`;
    const args = [
      '-f',
      '-e',
      'trace=socket,connect',
      '-o',
      trace,
      process.execPath,
      'dist/cli.js',
      '-c',
      dump,
      '-p',
      '0',
    ];
    await new Promise((done) => spawn('strace', args, { cwd: ROOT, stdio: 'ignore' }).once('close', done));
    expect(readFileSync(trace, 'utf8')).not.toMatch(/socket\(|connect\(/);
    expect(readFileSync(trace, 'utf8')).toMatch(/exited with 2/);
  });

  test('a file of another build is refused by its build-id', async () => {
    const { dump, cache, buildId } = await hostWithServer();
    const other = compile(`int other;${toC(new SyntheticHost().layouts)}`, { linked: true });
    const { url } = await serve((response) => response.end(readFileSync(other)));
    const run = await ask(dump, { DEBUGINFOD_URLS: url, DEBUGINFOD_CACHE_PATH: cache }, '--debuginfod');
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toMatch(new RegExp(`it sent a file with build-id [0-9a-f]{40}, but ${buildId} was requested`));
    expect(existsSync(join(cache, buildId))).toBe(false);
  });

  test.each<readonly [string, (response: ServerResponse) => void, Readonly<Record<string, string>>, RegExp]>([
    [
      'has it not',
      (response) => response.writeHead(404).end(),
      {},
      /tried without success: .*debuginfod \(vmlinux, build-id/,
    ],
    ['is broken', (response) => response.writeHead(500).end(), {}, /status 500/],
    ['says nothing', () => undefined, { DEBUGINFOD_TIMEOUT: '1' }, /no answer for 1 s/],
    ['is slow', (response) => response.write('x'), { DEBUGINFOD_MAXTIME: '1' }, /not complete after 1 s/],
    [
      'sends too much',
      (response) => response.end('x'.repeat(5000)),
      { DEBUGINFOD_MAXSIZE: '1000' },
      /more than 1000 bytes/,
    ],
  ])('a server that %s', async (_name, answer, settings, message) => {
    const { dump, cache } = await hostWithServer();
    const { url } = await serve(answer);
    const run = await ask(dump, { DEBUGINFOD_URLS: url, DEBUGINFOD_CACHE_PATH: cache, ...settings }, '--debuginfod');
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toMatch(message);
  });

  test('plain http to another machine is not asked; no server named is an error', async () => {
    const { dump, cache } = await hostWithServer();
    const plain = await ask(
      dump,
      { DEBUGINFOD_URLS: 'http://192.0.2.1/', DEBUGINFOD_CACHE_PATH: cache },
      '--debuginfod',
    );
    expect(plain.stderr).toMatch(/only https is allowed/);
    const none = await ask(dump, { DEBUGINFOD_URLS: '', DEBUGINFOD_CACHE_PATH: cache }, '--debuginfod');
    expect(none.stderr).toMatch(/DEBUGINFOD_URLS is not set/);
  });
});
