// SPDX-License-Identifier: Apache-2.0
// VMCOREINFO where the dump's own notes have none: by its text in the dumped memory.
import { PAGE_SIZE, type Pfn, pfn } from '../core/address.js';
import { orNull } from '../core/errors.js';
import type { FrameSource } from '../core/memory.js';
import type { DumpImage } from '../dump/image.js';
import { VmCoreInfo } from '../notes/vmcoreinfo.js';
import { checkedIdentity, openMemory } from './bootstrap.js';

/** Its first line. */
const FIRST = Buffer.from('OSRELEASE=');
/** VMCOREINFO_BYTES: it takes a page at the most. */
const LONGEST = PAGE_SIZE;

/**
 * The text of a kernel that runs in this memory: in the page where the kernel keeps it, or in the note that it made of
 * it when it crashed. Guests have theirs too, and so has a capture kernel; a text counts if init_uts_ns stands where it
 * says and names the same release, and the one that knows when it crashed counts before all others. Null when there is
 * none. All pages of the dump are looked at, unless one is found that tells the time of its crash.
 */
export function scanForInfo(image: DumpImage, frames: FrameSource): VmCoreInfo | null {
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
