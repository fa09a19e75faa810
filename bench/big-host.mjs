// SPDX-License-Identifier: Apache-2.0
// big-host SOURCE PID TARGET GIB elf|kdump|filled: makes the dump of a host of 1 TiB from a recorded one: the last memslot of a VM of
// PID becomes GIB of memory in pages of 4 KiB, in pieces of 16 pages on average, with the page tables for it. The pages
// themselves are left out, as in a dump without user pages. The file has the page tables (2 MiB per GiB of the guest) and
// all pages of the recorded dump. filled: an ELF file that has the pages too, with bytes that look random.
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { openDump, pfn, selectVm, writeKdump } from '#internal';
import { present } from '../scripts/present.mjs';

/** @import { Host } from '../src/kernel/host.js' */

const PAGE = 4096;
const ENTRIES = 512;
const GIB = 2 ** 30;
/** The machine's memory in frames: 1 TiB. */
const FRAMES = 2 ** 40 / PAGE;
/** First frames of the new page tables and of the guest's memory. */
const TABLES = (4 * GIB) / PAGE;
const MEMORY = (8 * GIB) / PAGE;
/** A part of the address space of the process that has no page table: entry 2 of the top table. */
const HVA = 2n << 39n;
/** Bits of an entry of a user's page: present, writable, user, accessed, dirty. */
const BITS = 0x67;
const MEAN = 16;

/** Random numbers from 0 to 1, the same in every run (a linear congruential generator). @type {(seed: number) => () => number} */
const random = (seed) => () => {
  seed = (seed * 48271) % 0x7fffffff;
  return seed / 0x7fffffff;
};

/** The frames of the guest's pages, one after the other. */
function* guestFrames() {
  const next = random(7);
  for (;;) {
    const pages = 1 + Math.floor(next() * (2 * MEAN - 1));
    const first = MEMORY + Math.floor(next() * (FRAMES - MEMORY - 2 * MEAN));
    for (let i = 0; i < pages; i++) yield first + i;
  }
}

/** Writes an entry of a page table. @type {(table: DataView, index: number, frame: number) => void} */
function setEntry(table, index, frame) {
  const address = frame * PAGE + BITS;
  table.setUint32(index * 8, address % 2 ** 32, true);
  table.setUint32(index * 8 + 4, Math.floor(address / 2 ** 32), true);
}

/**
 * The page tables below one entry of the top table, by frame: that of 512 GiB, those of 1 GiB, those of 2 MiB.
 *
 * @param {number} gib
 * @returns {Generator<[frame: number, page: Uint8Array]>}
 */
function* pageTables(gib) {
  const frames = guestFrames();
  const leaves = gib * ENTRIES;
  /** @type {(of: (index: number) => number | null) => Uint8Array} */
  const table = (of) => {
    const page = new Uint8Array(PAGE);
    const view = new DataView(page.buffer);
    for (let i = 0; i < ENTRIES; i++) {
      const frame = of(i);
      if (frame !== null) setEntry(view, i, frame);
    }
    return page;
  };
  yield [TABLES, table((i) => (i < gib ? TABLES + 1 + i : null))];
  for (let i = 0; i < gib; i++) yield [TABLES + 1 + i, table((k) => TABLES + 1 + gib + i * ENTRIES + k)];
  for (let i = 0; i < leaves; i++)
    yield [TABLES + 1 + gib + i, table(() => /** @type {number} */ (frames.next().value))];
}

/** The pages of the recorded host that are changed. */
class Changes {
  /** @type {Map<number, Uint8Array>} */
  pages = new Map();

  /** @param {Host} host */
  constructor(host) {
    this.host = host;
  }

  /** Offset of a member. @type {(struct: string, member: string) => bigint} */
  offset(struct, member) {
    return BigInt(present(this.host.types.member(struct, member), `${struct}.${member}`).offset);
  }

  /** @type {(address: bigint) => bigint} */
  read(address) {
    const bytes = this.host.memory.read(address, 8);
    if (!('u64' in bytes)) throw new Error(bytes.message);
    return bytes.u64(0);
  }

  /** Changes 8 bytes at a kernel address, which are in one page. @type {(address: bigint, value: bigint) => void} */
  write(address, value) {
    const frame = this.host.memory.frameOf(address);
    if (typeof frame !== 'number') throw new Error(frame.message);
    const view = present(this.host.frames.frame(frame), 'a page');
    const page = this.pages.get(frame) ?? Uint8Array.from(new Uint8Array(view.buffer, view.byteOffset, PAGE));
    new DataView(page.buffer).setBigUint64(Number(address & 0xfffn), value, true);
    this.pages.set(frame, page);
  }
}

/** Makes the last slot of the VM larger, with the new page tables below it. @type {(host: Host, pid: string, gib: number) => Changes} */
function changesOf(host, pid, gib) {
  const { vm } = selectVm(host, pid, null);
  const slot = present(vm.slots(0).slots.at(-1), 'a memslot');
  const changes = new Changes(host);
  const pages = gib * (GIB / PAGE);
  changes.write(slot.address + changes.offset('kvm_memory_slot', 'npages'), BigInt(pages));
  changes.write(slot.address + changes.offset('kvm_memory_slot', 'userspace_addr'), HVA);
  // Both copies of its addresses in the trees of the two sets of slots.
  const nodes = present(host.types.member('kvm_memory_slot', 'hva_node'), 'kvm_memory_slot.hva_node');
  for (const set of [0, 1]) {
    const node = slot.address + BigInt(nodes.offset + set * nodes.element);
    changes.write(node + changes.offset('interval_tree_node', 'start'), HVA);
    changes.write(node + changes.offset('interval_tree_node', 'last'), HVA + BigInt(pages * PAGE - 1));
  }
  const counted = vm.address + changes.offset('kvm', 'nr_memslot_pages');
  changes.write(counted, changes.read(counted) + BigInt(pages - slot.pages));
  const pgd = changes.read(vm.mm.address + changes.offset('mm_struct', 'pgd'));
  changes.write(pgd + (HVA >> 39n) * 8n, BigInt(TABLES * PAGE + BITS));
  changes.write(present(host.symbols.get('max_pfn'), 'max_pfn'), BigInt(FRAMES));
  const node = changes.read(host.info.symbol('node_data') ?? present(host.symbols.get('node_data'), 'node_data'));
  changes.write(node + changes.offset('pglist_data', 'node_spanned_pages'), BigInt(FRAMES - 1));
  return changes;
}

/** Frames that follow each other: first frame and number. @type {(frames: readonly number[]) => [number, number][]} */
function stretches(frames) {
  /** @type {[number, number][]} */
  const found = [];
  for (const frame of frames) {
    const last = found.at(-1);
    if (last !== undefined && last[0] + last[1] === frame) last[1]++;
    else found.push([frame, 1]);
  }
  return found;
}

/** An ELF note, padded. @type {(note: { name: string, type: number, desc: Uint8Array }) => Buffer} */
function noteOf({ name, type, desc }) {
  const [nameSize, descSize] = [name.length + 1, desc.length];
  const bytes = Buffer.alloc(12 + Math.ceil(nameSize / 4) * 4 + Math.ceil(descSize / 4) * 4);
  bytes.writeUInt32LE(nameSize, 0);
  bytes.writeUInt32LE(descSize, 4);
  bytes.writeUInt32LE(type, 8);
  bytes.write(name, 12, 'latin1');
  bytes.set(desc, 12 + Math.ceil(nameSize / 4) * 4);
  return bytes;
}

/**
 * Writes an ELF core: the pages as they are, and a last segment for the rest of the machine's memory, without bytes, or a hole
 * of the file with `filled` bytes of the guest.
 *
 * @param {string} path
 * @param {readonly { name: string, type: number, desc: Uint8Array }[]} notes
 * @param {{ frames: readonly number[], page: (frame: number) => Uint8Array, filled: number }} memory `frames`: ascending
 */
function writeElf(path, notes, { frames, page, filled }) {
  const note = Buffer.concat(notes.map(noteOf));
  const segments = stretches(frames);
  const count = segments.length + 2;
  const head = Buffer.alloc(64 + 56 * count);
  Buffer.from('7f454c4602010100', 'hex').copy(head);
  head.writeUInt16LE(4, 16);
  head.writeUInt16LE(62, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(count, 56);
  let offset = head.length + note.length;
  /** @type {(i: number, type: number, at: number, physical: number, size: number, memory: number) => void} */
  const segment = (i, type, at, physical, size, memory) => {
    const start = 64 + 56 * i;
    head.writeUInt32LE(type, start);
    head.writeBigUInt64LE(BigInt(at), start + 8);
    head.writeBigUInt64LE(BigInt(physical), start + 24);
    head.writeBigUInt64LE(BigInt(size), start + 32);
    head.writeBigUInt64LE(BigInt(memory), start + 40);
  };
  segment(0, 4, head.length, 0, note.length, 0);
  for (const [i, [first, pages]] of segments.entries()) {
    segment(i + 1, 1, offset, first * PAGE, pages * PAGE, pages * PAGE);
    offset += pages * PAGE;
  }
  const rest = (FRAMES - MEMORY) * PAGE;
  segment(count - 1, 1, offset, MEMORY * PAGE, filled === 0 ? 0 : rest, rest);
  const file = openSync(path, 'wx');
  writeSync(file, head);
  writeSync(file, note);
  for (const frame of frames) writeSync(file, page(frame));
  fill(file, offset, filled / PAGE);
  closeSync(file);
}

/** Writes the guest's pages into the last segment, and makes the file as long as that. @type {(file: number, offset: number, pages: number) => void} */
function fill(file, offset, pages) {
  if (pages === 0) return;
  const next = random(11);
  const block = Buffer.from(Array.from({ length: 256 * PAGE }, () => Math.floor(next() * 256)));
  const frames = guestFrames();
  for (let i = 0; i < pages; i++) {
    const from = (i % 256) * PAGE;
    const frame = /** @type {number} */ (frames.next().value);
    writeSync(file, block, from, PAGE, offset + (frame - MEMORY) * PAGE);
  }
  ftruncateSync(file, offset + (FRAMES - MEMORY) * PAGE);
}

const [source, pid, target, gib, form] = process.argv.slice(2);
if (
  source === undefined ||
  pid === undefined ||
  target === undefined ||
  !['elf', 'kdump', 'filled'].includes(form ?? '')
) {
  console.error('usage: big-host SOURCE PID TARGET GIB elf|kdump|filled');
  process.exit(2);
}
const { image, host } = await openDump(source);
const changes = changesOf(host, pid, Number(gib));
const tables = new Map(pageTables(Number(gib)));
// A kdump file says where the machine's memory ends by the length of its bitmaps: those of a real one reach to the last frame.
if (form === 'kdump') tables.set(FRAMES - 1, new Uint8Array(PAGE));
const frames = [...image.reader.present(), ...tables.keys()].map(pfn);
/** @type {(frame: number) => Uint8Array} */
const page = (frame) => {
  const made = tables.get(frame) ?? changes.pages.get(frame);
  if (made !== undefined) return made;
  const view = present(image.frame(pfn(frame)), 'a page');
  return new Uint8Array(view.buffer, view.byteOffset, PAGE);
};
const notes = image.reader.notes.map(({ name, type, desc }) => ({ name, type, desc: desc.array() }));
const { vmcoreinfo, physBase } = image.reader;
if (!notes.some(({ name }) => name === 'VMCOREINFO') && vmcoreinfo !== null)
  notes.push({ name: 'VMCOREINFO', type: 0, desc: vmcoreinfo.array() });
if (form !== 'kdump') writeElf(target, notes, { frames, page, filled: form === 'filled' ? Number(gib) * GIB : 0 });
else {
  writeFileSync(target, '');
  await writeKdump(target, { uts: host.uts, physBase: physBase ?? 0n, notes, frames, page });
}
