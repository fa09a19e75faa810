// SPDX-License-Identifier: Apache-2.0
// A recorded host: a folder with a dump, and with what the host's kernel and QEMU reported before the crash (truth.txt,
// pagemap-*.txt; each may be compressed).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const PAGE = 4096n;

/** Value of a hexadecimal number without 0x. @type {(text: string) => bigint} */
export const hex = (text) => BigInt(`0x${text}`);

/** The facts that are read from truth.txt: the first word of a line, and the names of the words after it. */
const FIELDS = /** @type {const} */ ({
  HOST: ['release', 'levels'],
  SWAP: ['path'],
  GUEST: ['name', 'pid'],
  HELD: ['pid', 'fd', 'name'],
  VM: ['pid', 'fd', 'name'],
  SLOT: ['name', 'space', 'id', 'gpa', 'bytes', 'hva'],
  PAGE: ['name', 'gva', 'gpa', 'value'],
  STATE: ['name', 'gpa', 'bytes', 'hva', 'kind'],
  // What a program in a guest said of VMs that it runs itself; `own` is the guest physical address that its page tables gave.
  L2VM: ['guest', 'pid', 'fd', 'name'],
  L2RUN: ['guest', 'name', 'gpa', 'hva', 'own', 'pages'],
});

/** @typedef {keyof typeof FIELDS} Word */
/**
 * A fact by the names of its fields.
 *
 * @template {Word} W
 * @typedef {Record<(typeof FIELDS)[W][number], string>} Fact
 */
/**
 * A VM: the process for -g, and the descriptor for --vm if that process holds several (else null). The creator of an
 * orphan has exited; another process holds it.
 *
 * @typedef {{ name: string, pid: string, vm: string | null, orphan: boolean }} Machine
 */
/**
 * A 4 KiB page of a VM: its first GPA and HVA, its /proc/PID/pagemap entry and its /proc/kpageflags.
 *
 * @typedef {{ gpa: bigint, hva: bigint, entry: bigint, flags: bigint }} Page
 */

/** The records of a host. */
export class RecordedHost {
  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder;
    this.truth = this.lines('truth.txt').map((line) => line.split(' '));
  }

  /**
   * The text of a file, uncompressed; empty if it does not exist.
   *
   * @param {string} name
   */
  read(name) {
    const file = join(this.folder, name);
    if (existsSync(file)) return readFileSync(file, 'latin1');
    return existsSync(`${file}.gz`) ? gunzipSync(readFileSync(`${file}.gz`)).toString('latin1') : '';
  }

  /** @param {string} name */
  lines(name) {
    return this.read(name).split('\n').filter(Boolean);
  }

  /**
   * The facts of truth.txt that begin with a word. Throws if a line has too few fields.
   *
   * @template {Word} W
   * @param {W} word
   * @returns {Fact<W>[]}
   */
  facts(word) {
    const names = FIELDS[word];
    return this.truth.flatMap(([first, ...rest]) => {
      if (first !== word) return [];
      if (rest.length < names.length)
        throw new Error(`${this.folder}/truth.txt: '${word} ${rest.join(' ')}' lacks one of: ${names.join(' ')}`);
      return [/** @type {Fact<W>} */ (Object.fromEntries(names.map((name, i) => [name, rest[i]])))];
    });
  }

  /** The line HOST. */
  host() {
    const [host] = this.facts('HOST');
    if (host === undefined) throw new Error(`${this.folder}/truth.txt: no line HOST`);
    return host;
  }

  /** All VMs of the host. */
  machines() {
    /** @type {Machine[]} */
    const found = this.facts('GUEST').map(({ name, pid }) => ({ name, pid, vm: null, orphan: false }));
    for (const { pid, name } of this.facts('HELD')) found.push({ name, pid, vm: null, orphan: true });
    for (const { pid, fd, name } of this.facts('VM')) {
      if (found.some((machine) => machine.name === name)) continue;
      const several = this.facts('VM').filter((other) => other.pid === pid).length > 1;
      found.push({ name, pid, vm: several ? fd : null, orphan: false });
    }
    return found;
  }

  /**
   * The pages of an address space of a VM.
   *
   * @param {string} name
   * @param {number} space
   * @returns {Page[]}
   */
  pages(name, space = 0) {
    const file = `pagemap-${name}${space === 0 ? '' : '-smm'}.txt`;
    return this.lines(file).map((line) => {
      const [gpa, hva, entry, flags] = line.split(' ').map(hex);
      if (gpa === undefined || hva === undefined || entry === undefined || flags === undefined)
        throw new Error(`${this.folder}/${file}: '${line}' has fewer than four words`);
      return { gpa, hva, entry, flags };
    });
  }

  /**
   * What was done to the memory around a GPA, and the index of its page in that memory.
   *
   * @param {string} name
   * @param {bigint} gpa
   */
  madeOf(name, gpa) {
    for (const state of this.facts('STATE')) {
      const start = hex(state.gpa);
      if (state.name === name && gpa >= start && gpa < start + hex(state.bytes))
        return { kind: state.kind, page: Number((gpa - start) / PAGE) };
    }
    return { kind: '', page: 0 };
  }

  /** @type {(name: string, gpa: bigint) => boolean} */
  isProtNone(name, gpa) {
    if (name === 'protnone') return gpa >= 0x10000n && gpa < 0x20000n;
    const { kind, page } = this.madeOf(name, gpa);
    return kind.includes('1protnone') && page >= 512 && page < 1024;
  }

  /**
   * The state of a page whose entry is neither a page nor swap: a memory error, or a marker.
   *
   * @type {(name: string, gpa: bigint) => 'poisoned' | 'marker'}
   */
  specialState(name, gpa) {
    return this.madeOf(name, gpa).kind.startsWith('hwpoison') ? 'poisoned' : 'marker';
  }
}
