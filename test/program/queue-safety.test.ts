// SPDX-License-Identifier: Apache-2.0
// What a worker refuses: jobs that others have put into the queue, servers that lose jobs, URLs with passwords.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { started } from '../build/queue.js';
import { RedisServer, until } from '../build/redis.js';
import { linesOf, NEW, scan, scanFolder } from '../build/scan.js';
import { needing, openssl, redis } from '../needs.js';
import { kvmVtop, ROOT } from '../run.js';

const { describe, test } = needing(redis);
const secure = needing(redis, openssl);
const { inFolder, copy } = scanFolder();

async function serverIn(name: string, ...words: readonly string[]): Promise<RedisServer> {
  mkdirSync(inFolder(name));
  const server = await RedisServer.create(inFolder(name), words);
  await server.start();
  return server;
}

describe('jobs that were not made by submit', () => {
  let server: RedisServer;
  let queue: Queue;
  let client: Redis;
  const root = inFolder('root');
  const results = inFolder('results');
  let dump: string;
  let version: string;
  const ID = 'dump-0123456789abcdef0123456789abcdef01234567';

  beforeAll(async () => {
    mkdirSync(root);
    dump = copy(NEW, 'root/dump');
    writeFileSync(inFolder('secret'), 'secret');
    symlinkSync(inFolder('secret'), join(root, 'link'));
    symlinkSync(inFolder('nowhere'), join(root, 'dangling'));
    symlinkSync('/', join(root, 'up'));
    version = kvmVtop(['--version']).stdout.trim();
    server = await serverIn('redis');
    client = new Redis(server.port);
    queue = new Queue('kvm-vtop', { connection: { port: server.port } });
  });
  afterAll(async () => {
    await queue.close();
    client.disconnect();
    await server.kill();
  });

  /** The reasons why jobs failed, after a worker has seen them. */
  async function reasonsFor(jobs: readonly (readonly [id: string, data: unknown])[]): Promise<(string | undefined)[]> {
    await queue.obliterate({ force: true });
    for (const [jobId, data] of jobs) await queue.add('dump', data, { jobId, attempts: 5, backoff: 10 });
    const url = ['--queue', server.url, 'work', '--root', root, '--results', results];
    const { status, stderr } = await started([...url, '--drain', '-j', '2']).end;
    expect(status).toBe(0);
    expect(stderr).not.toMatch(/internal error/);
    const all = await Promise.all(jobs.map(([id]) => queue.getJob(id)));
    // A worker writes what it refuses nowhere.
    expect(readdirSync(results)).toEqual([]);
    return all.map((job) => (job?.finishedOn === undefined ? undefined : job.failedReason));
  }

  const task = (change: object): object => ({
    version,
    results,
    files: [dump],
    options: [],
    runs: [['vms']],
    opening: [],
    addresses: null,
    ...change,
  });

  const POISON: readonly (readonly [name: string, change: () => object, reason: RegExp])[] = [
    ['a file outside', () => ({ files: ['/etc/shadow'] }), /\/etc\/shadow is not in a folder that the worker may read/],
    ['a second file outside', () => ({ files: [dump, '/etc/shadow'] }), /\/etc\/shadow is not in a folder/],
    ['a path with ..', () => ({ files: [`${root}/../secret`] }), /not a whole path/],
    ['a path that is not whole', () => ({ files: ['dump'] }), /not a whole path/],
    ['a link to a file outside', () => ({ files: [join(root, 'link')] }), /is not in a folder/],
    ['a link that leads nowhere', () => ({ files: [join(root, 'dangling')] }), /is not in a folder/],
    ['a link to a folder outside', () => ({ files: [join(root, 'up/etc/passwd')] }), /is not in a folder/],
    ['a folder whose name only begins the same', () => ({ files: [`${root}-other/dump`] }), /is not in a folder/],
    ['an option with a file outside', () => ({ options: ['--vmlinux', '/etc/shadow'] }), /is not in a folder/],
    ['a folder outside that is searched', () => ({ opening: ['--debug-dir', '/etc'] }), /is not in a folder/],
    ['addresses outside', () => ({ addresses: '/etc/shadow' }), /is not in a folder/],
    ['an option of another kind', () => ({ options: ['-o', '/etc/passwd'] }), /'-o' is not an option for opening/],
    ['an option of all objects', () => ({ options: ['constructor', 'x'] }), /'constructor' is not an option/],
    ['an option without its value', () => ({ options: ['--vmlinux'] }), /not a value of --vmlinux/],
    ['a value that an option does not have', () => ({ opening: ['--types', 'all'] }), /not a value of --types/],
    ['another command', () => ({ runs: [['scan', '/etc']] }), /^refused: --run 'scan': it does not print records/],
    ['a command that writes', () => ({ runs: [['map', '--html', '/tmp/x']] }), /^refused: --run 'map': it can't write/],
    ['a command that extracts', () => ({ runs: [['extract', '-o', '/tmp/x']] }), /^refused: --run 'extract'/],
    ['a command with a dump', () => ({ runs: [['vms', '-c', '/etc/shadow']] }), /^refused: -c/],
    ['a command with a module', () => ({ runs: [['vcpus', '--kvm-amd-module', '/etc/shadow']] }), /can't name files/],
    ['a command that does not exist', () => ({ runs: [['rm', '-rf', '/']] }), /^refused: /],
    ['no command, but help', () => ({ runs: [['--help']] }), /^refused: /],
    ['results elsewhere', () => ({ results: '/etc' }), /its results belong in \/etc/],
    ['another version', () => ({ version: '99' }), /submitted by version 99/],
    ['another member', () => ({ shell: 'true' }), /a member that jobs do not have: shell/],
    ['a file that is no text', () => ({ files: [{}] }), /files is not a list of paths/],
    ['too many files', () => ({ files: Array(2000).fill('/x') }), /files is not a list of paths/],
    ['a path with a NUL', () => ({ files: [`${dump}\0x`] }), /files is not a list of paths/],
    ['the id of something else', () => ({}), /the id is not that of the dump/],
  ];

  test('are refused, each with its reason', async () => {
    const id = (i: number): string => `dump-${i.toString(16).padStart(40, '0')}`;
    const reasons = await reasonsFor(POISON.map(([, change], i) => [id(i), task(change())]));
    for (const [i, [name, , reason]] of POISON.entries())
      expect([name, reasons[i]]).toEqual([name, expect.stringMatching(reason)]);
  });

  test('are refused, whatever their data and their ids are', async () => {
    const reasons = await reasonsFor([
      [ID, 'text'],
      ['dump-1', null],
      ['dump-2', []],
      ['../../etc/passwd', task({})],
      ['dump-0123456789abcdef0123456789abcdef0123456/', task({})],
    ]);
    expect(reasons).toEqual([
      'refused: its data is not an object',
      ...Array.from({ length: 4 }, () => 'refused: its id is not that of a dump'),
    ]);
  });

  test('data that is not JSON ends no worker', async () => {
    await queue.obliterate({ force: true });
    await queue.add('dump', task({}), { jobId: ID });
    await client.hset(`bull:kvm-vtop:${ID}`, 'data', '{"not JSON');
    const url = ['--queue', server.url];
    scan(...url, 'submit', '--results', results, dump);
    const worker = started([...url, 'work', '--root', root, '--results', results, '-j', '1', '--lock', '1']);
    await until(() => worker.said().includes(`${dump}: ok`));
    worker.child.kill('SIGTERM');
    expect((await worker.end).status).toBe(0);
    const status = scan(...url, 'status', '--json');
    expect([status.status, linesOf(status.stdout)[0]]).toEqual([0, expect.objectContaining({ ok: 1 })]);
  });
});

describe('servers and URLs', () => {
  let server: RedisServer;
  let locked: RedisServer;
  beforeAll(async () => {
    server = await serverIn('plain');
    locked = await serverIn('locked', '--requirepass', 'pass:word');
  });
  afterAll(async () => {
    await server.kill();
    await locked.kill();
  });

  const expectLine = (words: readonly string[], message: RegExp, environment: NodeJS.ProcessEnv = {}): void => {
    const run = kvmVtop(['scan', ...words], '', { ...process.env, ...environment });
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(message);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(run.stderr).not.toMatch(/pass:word|pass%3Aword/);
  };

  test.each([
    ['no URL', ['--queue', 'localhost', 'status'], /--queue is not valid: it must be redis:/],
    ['another protocol', ['--queue', 'http://localhost', 'status'], /--queue is not valid/],
    ['a database that is no number', ['--queue', 'redis://localhost/x', 'status'], /--queue is not valid/],
    ['a password', ['--queue', 'redis://:pass%3Aword@localhost', 'status'], /KVM_VTOP_REDIS_URL and use --queue env/],
    ['no variable', ['--queue', 'env', 'status'], /KVM_VTOP_REDIS_URL is not set/],
    ['no action', ['--queue', 'redis://localhost'], /--queue needs one of the words submit, work, collect, status$/m],
    ['another action', ['--queue', 'redis://localhost', 'drop'], /'drop' is none of them/],
    ['a word too many', ['--queue', 'redis://localhost', 'status', 'x'], /'x' is not expected/],
    ['an option of another action', ['--queue', 'redis://localhost', 'status', '-j', '2'], /--jobs has no effect/],
    ['an option of all dumps', ['--queue', 'redis://localhost', 'work', '--types', 'btf'], /--types has no effect/],
    ['an option without a queue', [NEW, '--drain'], /--drain has no effect without --queue/],
    ['no folder for results', ['--queue', 'redis://localhost', 'submit', NEW], /--results is missing/],
    ['no folder to read', ['--queue', 'redis://localhost', 'work', '--results', inFolder('x')], /--root is missing/],
    ['a rate that is none', ['--queue', 'redis://localhost', 'work', '--rate', '5'], /--rate '5' is not valid/],
    [
      'a host that does not exist',
      ['--queue', 'redis://no-such-host.invalid', 'status'],
      /redis:\/\/no-such-host.invalid:6379: /,
    ],
  ])('one line: %s', (_name, words, message) => {
    expectLine(words, message);
  });

  test('one line: a wrong password, none, a database that does not exist, and a server of another kind', () => {
    const status = ['--queue', 'env', 'status'];
    const at = (url: string): NodeJS.ProcessEnv => ({ KVM_VTOP_REDIS_URL: url });
    const host = `127.0.0.1:${locked.port}`;
    expectLine(['--queue', locked.url, 'status'], /NOAUTH/);
    expectLine(status, /WRONGPASS/, at(`redis://:wrong@${host}`));
    expectLine(['--queue', `${server.url}/99`, 'status'], /DB index is out of range/);
    expectLine(['--queue', 'rediss://127.0.0.1:1', 'status'], /ECONNREFUSED/);
    expectLine(['--queue', locked.url, 'work', '--root', ROOT, '--results', inFolder('x')], /NOAUTH/);
    const run = kvmVtop(['scan', ...status], '', { ...process.env, ...at(`redis://:pass%3Aword@${host}`) });
    expect(run).toMatchObject({ status: 0, stdout: expect.stringContaining(`redis://${host}, queue kvm-vtop`) });
  });

  test('users of an access control list', async () => {
    const client = new Redis(server.port);
    await client.acl('SETUSER', 'vtop', 'on', '>word', '~bull:*', '&*', '+@all');
    client.disconnect();
    const run = kvmVtop(['scan', '--queue', 'env', 'status', '--json'], '', {
      ...process.env,
      KVM_VTOP_REDIS_URL: `redis://vtop:word@127.0.0.1:${server.port}`,
    });
    expect([run.status, run.stderr]).toEqual([0, '']);
  });

  test('a server that may remove jobs is refused; one without an append-only file is warned of', async () => {
    const client = new Redis(server.port);
    const words = ['--queue', server.url, 'submit', '--results', inFolder('safe'), NEW];
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expectLine(words, /its maxmemory-policy is allkeys-lru, so that it can remove jobs; it must be noeviction/);
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    await client.config('SET', 'appendonly', 'no');
    const run = scan(...words);
    expect([run.status, run.stdout]).toEqual([0, '1 dumps: 1 added, 0 to be tried again, 0 known\n']);
    expect(run.stderr).toMatch(/^kvm-vtop: redis:[^\n]*it keeps no append-only file[^\n]*\n$/);
    client.disconnect();
  });

  test('the password is not passed to the processes that read dumps', async () => {
    const environment = { KVM_VTOP_REDIS_URL: `redis://:pass%3Aword@127.0.0.1:${locked.port}` };
    mkdirSync(inFolder('own'));
    const dump = copy(NEW, 'own/dump');
    const words = ['--queue', 'env'];
    kvmVtop(['scan', ...words, 'submit', '--results', inFolder('own-results'), dump], '', {
      ...process.env,
      ...environment,
    });
    const { child, end } = started(
      [...words, 'work', '--root', inFolder('own'), '--results', inFolder('own-results'), '--drain'],
      environment,
    );
    let seen = '';
    await until(() => {
      const pid = spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' }).stdout.trim();
      if (pid !== '') seen = spawnSync('cat', [`/proc/${pid}/environ`], { encoding: 'utf8' }).stdout;
      return seen.includes('KVM_VTOP_SCAN_WORKER') || child.exitCode !== null;
    });
    expect(seen).toContain('KVM_VTOP_SCAN_WORKER=1');
    expect(seen).not.toContain('pass%3Aword');
    expect(await end).toMatchObject({ status: 0 });
  });
});

secure.test('TLS: a server with a certificate that is known, and with one that is not', async () => {
  mkdirSync(inFolder('tls'));
  const [key, certificate] = [inFolder('tls/key'), inFolder('tls/certificate')];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2'];
  spawnSync('openssl', [...made, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']);
  const words = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate];
  const plain = await RedisServer.create(inFolder('tls'), []);
  const server = await RedisServer.create(inFolder('tls'), [
    ...['--port', '0', '--tls-port', String(plain.port), '--tls-auth-clients', 'no'],
    ...words,
  ]);
  await server.start();
  const url = `rediss://localhost:${plain.port}`;
  const known = kvmVtop(['scan', '--queue', url, 'status'], '', { ...process.env, NODE_EXTRA_CA_CERTS: certificate });
  expect(known).toMatchObject({ status: 0, stderr: '' });
  const unknown = scan('--queue', url, 'work', '--root', ROOT, '--results', inFolder('x'));
  expect([unknown.status, unknown.stderr]).toEqual([
    2,
    expect.stringMatching(/^kvm-vtop: rediss:[^\n]*self-signed[^\n]*\n$/),
  ]);
  await server.kill();
});

test('without BullMQ: one line with what to install', () => {
  const alone = inFolder('alone/cli.js');
  cpSync(join(ROOT, 'dist'), dirname(alone), { recursive: true });
  const run = spawnSync(process.execPath, [alone, 'scan', '--queue', 'redis://localhost', 'status'], {
    encoding: 'utf8',
  });
  expect([run.status, run.stdout]).toEqual([2, '']);
  expect(run.stderr).toMatch(/^kvm-vtop: [^\n]*not installed: npm install bullmq@[0-9.]+ ioredis@[0-9.]+\n$/);
});
