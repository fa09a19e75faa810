// SPDX-License-Identifier: Apache-2.0
// inflate DUMP: the time that a zlib page of a kdump-compressed file takes with the decoder of wasm/inflate/ and with node:zlib: the first
// 700 pages, which is what one address reads, each in a process of its own; and when both are compiled, in turn.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { startInflate } from '#internal';
import { median } from './measure.mjs';

const PAGE = 4096;
const FIRST = 700;
const ROUNDS = 31;

const [dump, only] = process.argv.slice(2);
if (dump === undefined) {
  console.error('usage: inflate DUMP');
  process.exit(2);
}

/** The zlib pages of a file (makedumpfile, IMPLEMENTATION). @type {(file: Buffer) => Buffer[]} */
function zlibPages(file) {
  const start = (1 + file.readInt32LE(432) + file.readUInt32LE(436)) * PAGE;
  const count = Math.floor((Number(file.readBigUInt64LE(start)) - start) / 24);
  return Array.from({ length: count }, (_, i) => start + i * 24)
    .filter((at) => (file.readUInt32LE(at + 12) & 1) !== 0)
    .map((at) => {
      const offset = Number(file.readBigUInt64LE(at));
      return file.subarray(offset, offset + file.readUInt32LE(at + 8));
    });
}

const pages = zlibPages(readFileSync(dump));
const decoders = {
  own: () => startInflate().zlib,
  node: () => (/** @type {Buffer} */ page) => inflateSync(page, { maxOutputLength: PAGE, chunkSize: PAGE }),
};

/** Microseconds of processor time for each page, with the start of the decoder. @type {(name: 'own' | 'node', part: Buffer[]) => number} */
function cold(name, part) {
  const begin = process.cpuUsage();
  const decode = decoders[name]();
  for (const page of part) decode(page, PAGE);
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / part.length;
}

/** @type {(decode: (page: Buffer, size: number) => unknown, part: Buffer[]) => number} */
function timeOf(decode, part) {
  const begin = performance.now();
  for (const page of part) decode(page, PAGE);
  return ((performance.now() - begin) * 1000) / part.length;
}

if (only === 'own' || only === 'node') {
  console.log(cold(only, pages.slice(0, FIRST)));
} else {
  const script = process.argv[1] ?? '';
  /** @type {(name: string) => number} */
  const first = (name) => Number(spawnSync(process.execPath, [script, dump, name], { encoding: 'utf8' }).stdout);
  const pairs = Array.from({ length: 9 }, () => ({ own: first('own'), node: first('node') }));
  const [own, node] = [decoders.own(), decoders.node()];
  const rounds = Array.from({ length: ROUNDS }, (_, i) => {
    const part = pages.slice((i % 4) * 500, (i % 4) * 500 + 2000);
    return { own: timeOf(own, part), node: timeOf(node, part) };
  }).slice(4);
  for (const [title, list] of /** @type {const} */ ([
    [`first ${FIRST} pages, processor time`, pairs],
    ['compiled', rounds],
  ])) {
    const [a, b] = [median(list.map((each) => each.own)), median(list.map((each) => each.node))];
    const ratio = median(list.map((each) => each.own / each.node));
    console.log(`${title}: ${a.toFixed(1)} µs against ${b.toFixed(1)} of node:zlib, ratio ${ratio.toFixed(2)}`);
  }
}
