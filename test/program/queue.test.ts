// SPDX-License-Identifier: Apache-2.0
// Machines that take dumps from a queue: the results are those of a plain scan, whatever is killed.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { childrenOf, contentOf, isRunning, type Running, started } from '../build/queue.js';
import { RedisServer, SlowProxy, until } from '../build/redis.js';
import { type Line, linesOf, scan, scanFolder, VMS } from '../build/scan.js';
import { recordProblems } from '../build/schema.js';
import { needing, redis } from '../needs.js';
import type { Run } from '../run.js';

const { describe, test } = needing(redis);
const { inFolder, copy } = scanFolder();

/** Seconds after which a dump of a worker that was killed is given to another. */
const LOCK = '2';

describe('a queue', () => {
  let server: RedisServer;
  let count = 0;

  beforeAll(async () => {
    mkdirSync(inFolder('redis'));
    server = await RedisServer.create(inFolder('redis'));
    await server.start();
  });
  afterAll(() => server.kill());

  /** A queue of its own, with dumps and a folder for results. */
  function newQueue(url = server.url) {
    const name = `queue${count++}`;
    const root = inFolder(name);
    const results = inFolder(`${name}-results`);
    mkdirSync(root);
    const words = (action: string, ...more: readonly string[]): string[] => [
      '--queue',
      url,
      action,
      '--name',
      name,
      ...more,
    ];
    return {
      root,
      results,
      words,
      dumps: (number: number): string[] =>
        Array.from({ length: number }, (_, i) => copy(VMS[i % 3] as string, join(name, `dump${i}`))),
      submit: (...more: readonly string[]): Run =>
        scan(...words('submit', '--results', results, '--backoff', '1', ...more)),
      work: (...more: readonly string[]): Running =>
        started(words('work', '--results', results, '--root', root, '--lock', LOCK, ...more)),
      collect: (...more: readonly string[]): Run => scan(...words('collect', '--results', results, ...more)),
      status: (): Line[] => {
        const run = scan(...words('status', '--json'));
        expect([run.status, run.stderr]).toEqual([0, '']);
        return linesOf(run.stdout);
      },
    };
  }
  type Tested = ReturnType<typeof newQueue>;

  /** Expects the results of all dumps, as a plain scan has them. */
  function expectAll({ collect }: Tested, dumps: readonly string[]): void {
    const run = collect();
    expect(run.stderr).toBe('');
    expect(contentOf(run.stdout)).toEqual(contentOf(scan(...dumps).stdout));
  }

  test('submit, work and collect give what a plain scan gives', async () => {
    const queue = newQueue();
    const dumps = [...queue.dumps(4), join(queue.root, 'bad'), join(queue.root, 'absent')];
    writeFileSync(join(queue.root, 'bad'), 'not a dump');
    const addresses = join(queue.root, 'addresses');
    writeFileSync(addresses, '0\n1000\n');
    const questions = ['--run', 'vms', '--run', 'vtop -g alpha -p -', '--addresses', addresses, '--run', 'slots'];
    expect(queue.submit(...dumps, ...questions)).toMatchObject({
      status: 0,
      stdout: '6 dumps: 6 added, 0 to be tried again, 0 known\n',
    });
    const early = queue.collect('-o', inFolder('early.jsonl'));
    expect([early.status, early.stdout]).toEqual([2, '']);
    expect(early.stderr).toMatch(
      /dump0: not done; its job is waiting\n(.*\n)*kvm-vtop: 6 of 6 dumps are not done; nothing was written/,
    );
    const partial = queue.collect('--partial');
    expect(partial.status).toBe(2);
    expect(linesOf(partial.stdout).map(({ error }) => error)).toEqual(
      dumps.map(() => 'not analysed: not done; its job is waiting'),
    );
    // Two workers at a time.
    const runs = await Promise.all([queue.work('--drain', '-j', '2').end, queue.work('--drain', '-j', '1').end]);
    for (const { status, stdout, stderr } of runs) {
      expect([status, stdout]).toEqual([0, '']);
      expect(stderr).not.toMatch(/kvm-vtop:/);
    }
    const plain = scan(...dumps, ...questions);
    const run = queue.collect();
    expect([run.status, run.stderr]).toEqual([plain.status, '']);
    expect(contentOf(run.stdout)).toEqual(contentOf(plain.stdout));
    expect(queue.collect('-o', inFolder('all.jsonl'))).toMatchObject({ status: 1, stdout: '', stderr: '' });
    expect(readFileSync(inFolder('all.jsonl'), 'utf8')).toBe(run.stdout);
    expect(queue.collect('-o', inFolder('all.parquet'), '--summary').stdout).toMatch(/6 dumps: /);
    expect(readdirSync(inFolder('all.parquet')).sort()).toEqual([
      'dump.parquet',
      'slot.parquet',
      'vm.parquet',
      'vtop.parquet',
    ]);
    // The page is that of a plain scan.
    const pages = [inFolder('collected.html'), inFolder('plain.html')];
    expect(queue.collect('--html', pages[0] as string)).toMatchObject({ status: 1, stdout: '' });
    scan(...dumps, ...questions, '--html', pages[1] as string);
    const [collected, own] = pages.map((path) => {
      const [, data = ''] = /id="report-data">(.*?)<\/script>/s.exec(readFileSync(path, 'utf8')) ?? [];
      return (JSON.parse(data) as object[]).map((dump) => ({ ...dump, seconds: 0, peakMemory: 0 }));
    });
    expect(collected).toHaveLength(6);
    expect(collected).toEqual(own);
    expect(queue.collect('--html', inFolder('x.html'), '--pictures')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--pictures has no effect with 'collect'"),
    });
    const [state, ...failed] = queue.status();
    expect(state).toMatchObject({
      record: 'queue',
      completed: 6,
      unreadable: 2,
      waiting: 0,
      active: 0,
      failed: 0,
      problems: [],
    });
    expect(failed.map(({ kind, dump }) => [kind, dump])).toEqual([
      ['dump', join(queue.root, 'absent')],
      ['dump', join(queue.root, 'bad')],
    ]);
    for (const line of [state as Line, ...failed]) expect(recordProblems(line)).toBe(null);
  });

  test('a dump that is added twice is one job; results that are lost are made again', async () => {
    const queue = newQueue();
    const dumps = queue.dumps(2);
    queue.submit(...dumps);
    expect(queue.submit(dumps[0] as string, dumps[1] as string).stdout).toBe(
      '2 dumps: 0 added, 0 to be tried again, 2 known\n',
    );
    expect(queue.status()[0]).toMatchObject({ waiting: 2 });
    await queue.work('--drain').end;
    expect(queue.submit(...dumps).stdout).toMatch(/: 0 added, 0 to be tried again, 2 known/);
    expectAll(queue, dumps);
    const [lost = ''] = readdirSync(queue.results).filter((name) => name.endsWith('.dump'));
    rmSync(join(queue.results, lost));
    expect(queue.collect()).toMatchObject({ status: 2, stderr: expect.stringMatching(/the results are not there/) });
    expect(queue.submit(...dumps).stdout).toMatch(/: 0 added, 1 to be tried again, 1 known/);
    await queue.work('--drain').end;
    expectAll(queue, dumps);
    expect(queue.submit('--run', 'slots', ...dumps)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/has results of other questions/),
    });
  });

  test('a worker that is killed: its processes end, and another takes its dumps over', async () => {
    const queue = newQueue();
    const dumps = queue.dumps(9);
    queue.submit(...dumps);
    let kills = 0;
    for (let time = 700; ; time += 450) {
      const { child, said, end } = queue.work('--drain', '-j', '2');
      let hasEnded = false;
      void end.then(() => {
        hasEnded = true;
      });
      const start = performance.now();
      // A fast machine would do all of them before the third time.
      const isEnough = (): boolean => performance.now() - start > time || (said().match(/: ok/g) ?? []).length > 1;
      await until(() => hasEnded || isEnough());
      const own = childrenOf(child);
      if (!child.kill('SIGKILL')) break;
      kills++;
      await end;
      await until(() => !own.some(isRunning));
    }
    expect(kills).toBeGreaterThan(2);
    expectAll(queue, dumps);
    expect(queue.status()[0]).toMatchObject({ completed: 9, failed: 0 });
  });

  test('processes that are killed: their dumps are tried again', async () => {
    const queue = newQueue();
    const dumps = queue.dumps(9);
    queue.submit(...dumps);
    const { child, end } = queue.work('--drain', '-j', '2', '-q');
    let kills = 0;
    while (kills < 6 && (await Promise.race([wait(500, true), end.then(() => false)]))) {
      for (const pid of childrenOf(child).slice(0, 1)) {
        process.kill(pid, 'SIGKILL');
        kills++;
      }
    }
    expect(await end).toMatchObject({ status: 0 });
    expect(kills).toBeGreaterThan(2);
    expectAll(queue, dumps);
  });

  test('a server that is killed and comes back: nothing is lost', async () => {
    mkdirSync(inFolder('redis2'));
    const other = await RedisServer.create(inFolder('redis2'));
    await other.start();
    const queue = newQueue(other.url);
    const dumps = queue.dumps(7);
    queue.submit(...dumps);
    const { said, end } = queue.work('--drain', '-j', '2');
    for (let kills = 0; kills < 3; kills++) {
      await until(() => (said().match(/: ok/g) ?? []).length > kills);
      await other.kill();
      await wait(1500);
      await other.start();
    }
    expect(await end).toMatchObject({ status: 0 });
    expectAll(queue, dumps);
    expect(queue.status()[0]).toMatchObject({ completed: 7, failed: 0 });
    await other.kill();
  });

  test('a network that hangs for longer than the lock: nothing is lost, nothing is twice', async () => {
    const proxy = await SlowProxy.to(server.port);
    const queue = newQueue();
    const dumps = queue.dumps(5);
    queue.submit(...dumps);
    const far = started(
      queue
        .words('work', '--results', queue.results, '--root', queue.root, '--lock', LOCK, '-j', '1')
        .map((word) => (word === server.url ? proxy.url : word)),
    );
    await until(() => far.said().includes(': ok'));
    proxy.hang();
    const near = await queue.work('--drain', '-j', '1').end;
    expect(near.status).toBe(0);
    expectAll(queue, dumps);
    proxy.goOn();
    await until(() => far.said().includes('answers again'));
    far.child.kill('SIGTERM');
    expect((await far.end).status).toBe(0);
    expectAll(queue, dumps);
    expect(queue.status()[0]).toMatchObject({ completed: 5, failed: 0, active: 0, waiting: 0 });
    proxy.close();
  });

  test('a worker without a server says so, and waits; SIGTERM gives its dumps back at once', async () => {
    mkdirSync(inFolder('redis3'));
    const other = await RedisServer.create(inFolder('redis3'));
    const queue = newQueue(other.url);
    const [, large = ''] = queue.dumps(2);
    const worker = queue.work('-j', '1');
    await until(() => worker.said().includes('waiting for it'));
    expect(worker.said()).toMatch(
      /^kvm-vtop: redis:\/\/127\.0\.0\.1:[0-9]+: [^\n]*ECONNREFUSED[^\n]*; waiting for it\n$/,
    );
    expect(await queue.work('--no-wait').end).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/^kvm-vtop: redis:[^\n]*ECONNREFUSED[^\n]*\n$/),
    });
    await other.start();
    await until(() => worker.said().includes('waiting for dumps'));
    queue.submit(large);
    await until(() => childrenOf(worker.child).length > 0);
    worker.child.kill('SIGTERM');
    expect((await worker.end).status).toBe(0);
    const [state] = queue.status();
    expect(Number(state?.waiting) + Number(state?.completed)).toBe(1);
    await queue.work('--drain').end;
    expectAll(queue, [large]);
    await other.kill();
  });

  test('priorities: the lowest number first', async () => {
    const queue = newQueue();
    const [low = '', high = '', first = ''] = queue.dumps(3);
    queue.submit(low, '--priority', '9');
    queue.submit(high, '--priority', '2');
    queue.submit(first);
    const { stderr } = await queue.work('--drain', '-j', '1').end;
    const order = [...stderr.matchAll(/^(.*): ok/gm)].map(([, dump]) => dump);
    expect(order).toEqual([first, high, low]);
    expectAll(queue, [low, high, first]);
  });

  test('a rate: no more than so many dumps in a time', async () => {
    const queue = newQueue();
    const dumps = ['a', 'b', 'c'].map((name) => join(queue.root, name));
    for (const dump of dumps) writeFileSync(dump, dump);
    queue.submit(...dumps);
    const began = performance.now();
    expect((await queue.work('--drain', '--rate', '1/2').end).status).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(4000);
    expectAll(queue, dumps);
  });
});
