// SPDX-License-Identifier: Apache-2.0
// join-fixtures TARGET EXCERPT...: puts excerpts of one dump together, so that what they share (types, symbols) is in the
// repository once. The notes are those of the first one.
import { writeFileSync } from 'node:fs';
import { openDump, openImage, pfn, writeKdump } from '#internal';
import { parseJson } from './json.mjs';
import { present } from './present.mjs';

const PAGE = 4096;

const [target, ...paths] = process.argv.slice(2);
const [first] = paths;
if (target === undefined || first === undefined) {
  console.error('usage: join-fixtures TARGET EXCERPT...');
  process.exit(2);
}
/** @type {Map<number, Uint8Array>} */
const pages = new Map();
/** @type {bigint | null | undefined} */
let physBase;
const NOTE = 'kvm-vtop excerpt';
/** What the notes say of frames that the dump lacks: start, end, and why. @type {[number, number, ...unknown[]][]} */
const gaps = [];
/** @type {unknown} */
let limit;
for (const path of paths) {
  const { image, close } = await openImage(path);
  physBase ??= image.reader.physBase;
  for (const frame of image.reader.present()) {
    const view = present(image.frame(frame), `page ${frame} of ${path}`);
    const bytes = Uint8Array.from(new Uint8Array(view.buffer, view.byteOffset, PAGE));
    const known = pages.get(frame);
    if (known !== undefined && Buffer.compare(known, bytes) !== 0)
      throw new Error(`page ${frame} of ${path} is not that of another excerpt: they are of different dumps`);
    pages.set(frame, bytes);
  }
  for (const { name, desc } of image.reader.notes) {
    // Older excerpts do not say what they lack.
    if (name !== NOTE || desc.length === 0) continue;
    const facts = /** @type {{ limit?: number, gaps: [number, number, ...unknown[]][] }} */ (
      parseJson(Buffer.from(desc.array()).toString())
    );
    limit ??= facts.limit;
    gaps.push(...facts.gaps);
  }
  close();
}
/** Without overlaps: one frame is missing for one reason. @type {typeof gaps} */
const joined = [];
let reached = 0;
for (const [start, end, ...why] of gaps.sort(([a], [b]) => a - b)) {
  if (end > reached) joined.push([Math.max(start, reached), end, ...why]);
  reached = Math.max(reached, end);
}
const { image, host, close } = await openDump(first);
const notes = image.reader.notes.map(({ name, type, desc }) => ({
  name,
  type,
  desc: name === NOTE && limit !== undefined ? Buffer.from(JSON.stringify({ limit, gaps: joined })) : desc.array(),
}));
writeFileSync(target, '');
await writeKdump(target, {
  uts: host.uts,
  physBase: physBase ?? 0n,
  notes,
  frames: [...pages.keys()].sort((a, b) => a - b).map(pfn),
  page: (frame) => present(pages.get(frame), 'a page'),
});
close();
