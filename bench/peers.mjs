// SPDX-License-Identifier: Apache-2.0
// kvm-vtop compared with drgn and crash: one address, in a process of its own.
import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { compare, timed } from './measure.mjs';

/** @import { Command, Runs } from './measure.mjs' */

/**
 * A question: the dump's name and file, its kernel, the process, and an address of its VM, both as GPA and as HVA, in
 * hexadecimal.
 *
 * @typedef {{ name: string, dump: string, release: string, pid: string, gpa: string, hva: string }} Question
 */
/**
 * The command line of kvm-vtop, and the folders that bench/run.mjs describes.
 *
 * @typedef {{ cli: Command, shared: string, scratch: string, peers: string | undefined,
 *   debug: string | undefined, only: string | undefined }} Places
 */
/**
 * A program that answers: its command, its input, and a text that every right answer contains.
 *
 * @typedef {{ command: Command, input?: string, sign: string }} Peer
 */
/**
 * The peers, and the debug files that they read.
 *
 * @typedef {{ vmlinux: string, module: string, drgn: Peer, crash: Peer }} Peers
 */

/**
 * Prints the comparisons of a host: the first run of a user, with an empty cache folder, and the second. Without peers, against a run without
 * caches.
 *
 * @type {(places: Places, question: Question) => void}
 */
export function comparePeers(places, question) {
  const { name, dump, release, pid, gpa } = question;
  /** @type {Command} */
  const ours = [...places.cli, '-c', dump, '-g', pid, '-p', gpa, '--json'];
  const first = () => cachedIn(mkdtempSync(join(places.scratch, 'cache-')), ours);
  const second = cachedIn(mkdtempSync(join(places.scratch, 'cache-')), ours);
  const peers = peersFor(places, question);
  if (peers === null) {
    console.log(`${name}: no peers or no debug package of ${release}`);
    /** @type {Command} */
    const uncached = [...ours, '--no-cache'];
    compare(`${name}, one address, first run, against one without caches`, first, uncached);
    compare(`${name}, one address, second run, against one without caches`, second, uncached);
    return;
  }
  for (const [peer, way] of /** @type {[string, Peer][]} */ ([
    ['drgn', peers.drgn],
    ...(places.only === 'address' ? [] : [['crash', peers.crash]]),
  ]))
    if (!answers(way)) console.log(`${name}: ${peer} does not answer`);
    else
      for (const [run, command] of /** @type {[string, Runs][]} */ ([
        ['first run', first],
        ['second run', second],
      ]))
        compare(`${name}, one address, ${run}, against ${peer}`, command, way.command, way.input);
  if (places.only !== 'address') compareByDwarf(places.scratch, name, ours, peers);
}

/** A command with a cache folder of its own. @type {(folder: string, command: Command) => Command} */
const cachedIn = (folder, command) => ['env', `XDG_CACHE_HOME=${folder}`, ...command];

/**
 * The command that asks drgn for addresses of a dump, given as its script takes them; null without peers.
 *
 * @type {(places: Places, question: Pick<Question, 'release' | 'pid'>) => ((dump: string, words: readonly string[]) => Command) | null}
 */
export function drgnFor(places, { release, pid }) {
  const files = debugFiles(places, release);
  if (files === null) return null;
  const { peers, script, vmlinux, module } = files;
  return (dump, words) => [
    'chroot',
    peers,
    ...['python3', script, '-c', dump, '-s', vmlinux, '-s', module, '-p', pid],
    ...words,
  ];
}

/** @type {(peer: Peer) => boolean} */
const answers = ({ command, input, sign }) => timed(command, input).stdout.includes(sign);

/**
 * Null if a peer or the debug files are missing.
 *
 * @type {(places: Places, question: Question) => Peers | null}
 */
function peersFor(places, { dump, release, pid, gpa, hva }) {
  const files = debugFiles(places, release);
  const drgn = drgnFor(places, { release, pid });
  if (files === null || drgn === null) return null;
  const { peers, vmlinux, module } = files;
  return {
    vmlinux,
    module,
    drgn: { command: drgn(dump, [gpa, '--json']), sign: '"hpa": "' },
    crash: {
      command: ['chroot', peers, 'crash', '-s', vmlinux, dump],
      input: `vtop -c ${pid} ${hva}\nquit\n`,
      sign: 'PAGE:',
    },
  };
}

/**
 * The commands that ask each peer for an address of a dump; none without peers, and not those that do not answer.
 *
 * @type {(places: Places, question: Question) => { name: string, command: Command, input?: string }[]}
 */
export function loopsOver(places, question) {
  const peers = peersFor(places, question);
  return peers === null
    ? []
    : [
        { name: 'drgn', ...peers.drgn },
        { name: 'crash', ...peers.crash },
      ].filter(answers);
}

/**
 * The debug files of a kernel, and drgn's script; null where they or the peers are missing.
 *
 * @type {(places: Places, release: string) => { peers: string, script: string, vmlinux: string, module: string } | null}
 */
function debugFiles({ peers, debug, shared }, release) {
  if (!peers || !debug) return null;
  const files = join(debug, release, 'usr', 'lib', 'debug');
  const vmlinux = join(files, 'boot', `vmlinux-${release}`);
  const module = join(files, 'lib', 'modules', release, 'kernel', 'arch', 'x86', 'kvm', 'kvm.ko');
  return existsSync(vmlinux) ? { peers, script: join(shared, 'bench', 'gpa_hpa_drgn.py'), vmlinux, module } : null;
}

/**
 * Compares runs with debug information alone: without an index of it, and with the index of an earlier run.
 *
 * @param {string} scratch
 * @param {string} name
 * @param {Command} ours
 * @param {Peers} peers
 */
function compareByDwarf(scratch, name, ours, { vmlinux, module, drgn, crash }) {
  const files = ['--types', 'dwarf', '--vmlinux', vmlinux, '--kvm-module', module];
  // A folder that can't be created, so that nothing is cached.
  /** @type {Command} */
  const first = [...cachedIn('/dev/null/none', ours), ...files];
  if (answers(drgn)) compare(`${name}, by DWARF, against drgn`, first, drgn.command);
  if (answers(crash)) compare(`${name}, by DWARF, against crash`, first, crash.command, crash.input);
  const cached = cachedIn(mkdtempSync(join(scratch, 'cache-')), ours);
  compare(`${name}, by DWARF with the index of an earlier run, against BTF`, [...cached, ...files], cached);
}
