// SPDX-License-Identifier: Apache-2.0
// VMCOREINFO: as it was given, of the dump's notes, by its text in the dumped memory, or what stands for it.
import { PAGE_SIZE, type Pfn, pfn } from '../core/address.js';
import { orNull } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import { printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import { VmCoreInfo } from '../notes/vmcoreinfo.js';
import { checkedIdentity, openMemory } from './bootstrap.js';
import { findKernel } from './find-kernel.js';

/** Its first line. */
const FIRST = Buffer.from('OSRELEASE=');
/** VMCOREINFO_BYTES: it takes a page at the most. */
const LONGEST = PAGE_SIZE;

/** VMCOREINFO as it was given, or of the dump's notes; else of its memory, or what stands for it. */
export function infoOf(image: DumpImage, frames: FrameSource, log: Log, given: string | null): VmCoreInfo {
  if (given !== null) return new VmCoreInfo(given);
  const { vmcoreinfo } = image.reader;
  if (vmcoreinfo !== null) return VmCoreInfo.of(vmcoreinfo);
  log.found(`${image.name}: no VMCOREINFO in its notes: looking through its memory`);
  return log.step('VMCOREINFO in memory', () => scanForInfo(image, frames)) ?? withoutInfo(image, frames, log);
}

function withoutInfo(image: DumpImage, frames: FrameSource, log: Log): VmCoreInfo {
  const info = log.step('kernel by its page tables', () => findKernel(image, frames));
  log.warn(
    `no VMCOREINFO in the dump: kernel ${printable(info.release ?? '')} was found by its page tables and kallsyms`,
  );
  return info;
}

/**
 * The text of a kernel that runs in this memory: in the page where the kernel keeps it, or in the note that it made of
 * it when it crashed. Guests have theirs too, and so has a capture kernel; a text counts if init_uts_ns stands where it
 * says and names the same release, and the one that knows when it crashed counts before all others. Null when there is
 * none. All pages of the dump are looked at, unless one is found that tells the time of its crash.
 */
function scanForInfo(image: DumpImage, frames: FrameSource): VmCoreInfo | null {
  let first: VmCoreInfo | null = null;
  for (const frame of image.reader.present()) {
    const page = frames.frame(frame);
    if (page === null) continue;
    for (const text of textsIn(frames, frame, page)) {
      const info = new VmCoreInfo(text);
      if (!isOwn(image, frames, info)) continue;
      if (info.text('CRASHTIME') !== null) return info;
      first ??= info;
    }
  }
  return first;
}

/** Texts that begin in a page; before 4.12 they stood in an array of the kernel's image, across the end of a page. */
function* textsIn(frames: FrameSource, frame: Pfn, page: DataView): Generator<string> {
  const bytes = Buffer.from(page.buffer, page.byteOffset, PAGE_SIZE);
  for (let at = bytes.indexOf(FIRST); at >= 0; at = bytes.indexOf(FIRST, at + 1)) {
    const next = frames.frame(pfn(frame + 1));
    const rest = next === null ? [] : [Buffer.from(next.buffer, next.byteOffset, PAGE_SIZE)];
    const whole = Buffer.concat([bytes, ...rest]).subarray(at, at + LONGEST);
    const end = whole.indexOf(0);
    yield whole.subarray(0, end < 0 ? whole.length : end).toString('latin1');
  }
}

function isOwn(image: DumpImage, frames: FrameSource, info: VmCoreInfo): boolean {
  if (info.symbol('init_uts_ns') === null || info.release === null) return false;
  const { release } = info;
  return orNull(() => checkedIdentity(image, openMemory(frames, info, image.reader.physBase), info, release)) !== null;
}
