// SPDX-License-Identifier: Apache-2.0
// A recorded host: a folder with a dump and what the host's kernel and QEMU said before it crashed (truth.txt,
// pagemap-*.txt, possibly compressed).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export const hex = (text) => BigInt(`0x${text}`);

export class RecordedHost {
  constructor(folder) {
    this.folder = folder;
    this.truth = this.lines('truth.txt').map((line) => line.split(' '));
  }

  read(name) {
    const file = join(this.folder, name);
    if (existsSync(file)) return readFileSync(file, 'latin1');
    return existsSync(`${file}.gz`) ? gunzipSync(readFileSync(`${file}.gz`)).toString('latin1') : '';
  }

  lines(name) {
    return this.read(name).split('\n').filter(Boolean);
  }

  /** The facts of truth.txt that begin with a word, without it. */
  facts(word) {
    return this.truth.filter(([first]) => first === word).map(([, ...rest]) => rest);
  }

  /** The machines: whom to ask, and how to choose among several of one process. */
  machines() {
    const found = this.facts('GUEST').map(([name, pid]) => ({ name, pid, vm: null }));
    for (const [pid, , name] of this.facts('HELD')) found.push({ name, pid, vm: null, orphan: true });
    for (const [pid, fd, name] of this.facts('VM')) {
      if (found.some((machine) => machine.name === name)) continue;
      const several = this.facts('VM').filter(([other]) => other === pid).length > 1;
      found.push({ name, pid, vm: several ? fd : null });
    }
    return found;
  }

  /** GPA, HVA, pagemap entry and kpageflags of each page. */
  pages(name, space = 0) {
    return this.lines(`pagemap-${name}${space ? '-smm' : ''}.txt`).map((line) => line.split(' ').map(hex));
  }

  /** What was made of the memory a GPA lies in, and which page of it: `STATE name gpa bytes hva kind`. */
  madeOf(name, gpa) {
    for (const [vm, start, bytes, , kind] of this.facts('STATE'))
      if (vm === name && gpa >= hex(start) && gpa < hex(start) + hex(bytes))
        return { kind, page: Number((gpa - hex(start)) / 4096n) };
    return { kind: '', page: 0 };
  }

  isProtNone(name, gpa) {
    if (name === 'protnone') return gpa >= 0x10000n && gpa < 0x20000n;
    const { kind, page } = this.madeOf(name, gpa);
    return kind.includes('1protnone') && page >= 512 && page < 1024;
  }

  /** The state of a page whose entry is special: a memory error, or a marker. */
  specialState(name, gpa) {
    return this.madeOf(name, gpa).kind.startsWith('hwpoison') ? 'poisoned' : 'marker';
  }
}
