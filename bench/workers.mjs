// SPDX-License-Identifier: Apache-2.0
// node bench/workers.mjs [threads|processes COUNT DUMP...]: the VMs of many dumps, listed by threads of one process or by
// processes (docs/decisions/008-scan-processes.md). Without arguments: both, with one and with two, on copies of the recorded
// hosts' dumps. Needs a build.
import { execFileSync, fork } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker } from 'node:worker_threads';
import { openDump } from 'kvm-vtop';
import { present } from '../scripts/present.mjs';
import { median, times } from './measure.mjs';

/** How often each dump is read. */
const ROUNDS = 4;
/** Runs of each kind; an odd number. */
const RUNS = 5;
const SELF = fileURLToPath(import.meta.url);

/**
 * Number of VMs of a dump.
 *
 * @param {string} path
 */
async function vmsOf(path) {
  const dump = await openDump(path);
  try {
    return [...dump.vms()].length;
  } finally {
    dump.close();
  }
}

/** @typedef {{ send: (path: string) => void, onCount: (listener: (count: number) => void) => void, end: () => void }} Hand */

/** @type {Record<string, () => Hand>} */
const KINDS = {
  threads: () => {
    const thread = new Worker(SELF);
    return {
      send: (path) => {
        thread.postMessage(path);
      },
      onCount: (listener) => {
        thread.on('message', listener);
      },
      end: () => void thread.terminate(),
    };
  },
  processes: () => {
    const child = fork(SELF, [], { env: { ...process.env, KVM_VTOP_BENCH_WORKER: '1' } });
    return {
      send: (path) => {
        child.send(path);
      },
      onCount: (listener) => {
        child.on('message', listener);
      },
      end: () => {
        child.kill();
      },
    };
  },
};

/**
 * @param {() => Hand} start
 * @param {number} count
 * @param {readonly string[]} dumps
 */
async function hired(start, count, dumps) {
  let next = 0;
  let vms = 0;
  await Promise.all(
    Array.from({ length: count }, async () => {
      const hand = start();
      await new Promise((done) => {
        const feed = () => {
          const path = dumps[next++];
          if (path === undefined) done(undefined);
          else hand.send(path);
        };
        hand.onCount((found) => {
          vms += found;
          feed();
        });
        feed();
      });
      hand.end();
    }),
  );
  return vms;
}

function compare() {
  const shared = resolve(process.env.KVM_VTOP_SHARED ?? fileURLToPath(new URL('../../shared', import.meta.url)));
  const folder = join(shared, 'dumps');
  const hosts = readdirSync(folder)
    .map((name) => join(folder, name, 'vmcore'))
    .filter((path) => existsSync(path));
  const dumps = Array.from({ length: ROUNDS }, () => hosts).flat();
  for (const count of ['1', '2'])
    for (const kind of Object.keys(KINDS)) {
      const seconds = times(RUNS, () => {
        const began = performance.now();
        execFileSync(process.execPath, [SELF, kind, count, ...dumps]);
        return (performance.now() - began) / 1000;
      });
      console.log(`vms of ${dumps.length} dumps, ${count} ${kind}: ${median(seconds).toFixed(2)} s`);
    }
}

/**
 * Answers each path with its number of VMs.
 *
 * @param {{ on: (event: 'message', listener: (path: unknown) => void) => unknown }} orders
 * @param {(count: number) => void} answer
 */
function serve(orders, answer) {
  orders.on('message', (path) => void vmsOf(String(path)).then(answer));
}

if (parentPort !== null) serve(parentPort, (count) => parentPort?.postMessage(count));
else if (process.env.KVM_VTOP_BENCH_WORKER === '1') serve(process, (count) => process.send?.(count));
else if (process.argv.length > 2) {
  const [, , kind = '', count, ...dumps] = process.argv;
  console.log(await hired(present(KINDS[kind], 'threads or processes'), Number(count), dumps));
} else compare();
