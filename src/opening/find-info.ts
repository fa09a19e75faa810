// SPDX-License-Identifier: Apache-2.0
// Finds VMCOREINFO: as given by the user, in the notes of the dump, or in memory; or builds a substitute.
import { PAGE_SIZE, type Pfn, pfn } from '../core/address.js';
import { orNull } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import { printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import { VmCoreInfo } from '../notes/vmcoreinfo.js';
import { checkedIdentity, openMemory } from './bootstrap.js';
import { everyPage } from './every-page.js';
import { findKernel, infoByProcessors } from './find-kernel.js';

/** Start of its first line. */
const FIRST = Buffer.from('OSRELEASE=');
/** Most bytes: a page (VMCOREINFO_BYTES). */
const LONGEST = PAGE_SIZE;

/**
 * VMCOREINFO of a dump: `given` by the user, else from the notes of the dump, else found in its memory, else a
 * substitute made from page tables and kallsyms. Throws `DumpError` if there is no kernel.
 */
export function infoOf(image: DumpImage, frames: FrameSource, log: Log, given: string | null): VmCoreInfo {
  if (given !== null) return new VmCoreInfo(given);
  const { vmcoreinfo } = image.reader;
  if (vmcoreinfo !== null) return VmCoreInfo.of(vmcoreinfo);
  log.found(`${image.name}: no VMCOREINFO in its notes; searching its memory`);
  const byProcessors = (): VmCoreInfo | null => infoByProcessors(image, frames);
  return (
    log.step('VMCOREINFO by the page tables of a processor', byProcessors) ??
    log.step('search for VMCOREINFO', () => scanForInfo(image, frames, log)) ??
    withoutInfo(image, frames, log)
  );
}

function withoutInfo(image: DumpImage, frames: FrameSource, log: Log): VmCoreInfo {
  const info = log.step('search for kernel page tables', () => findKernel(image, frames, log));
  log.warn(
    `no VMCOREINFO in the dump: kernel ${printable(info.release ?? '')} was found by its page tables and kallsyms`,
  );
  return info;
}

/**
 * Finds the text of VMCOREINFO in memory: in the page where the kernel keeps it, or in the note that it made when it
 * crashed. Guests and a capture kernel have such texts too. A text is accepted if init_uts_ns is at the address that it
 * gives, with the same release; a text with the time of the crash is preferred. Null if there is none. Reads all pages
 * of the dump, or up to a text with the time of the crash.
 */
function scanForInfo(image: DumpImage, frames: FrameSource, log: Log): VmCoreInfo | null {
  let first: VmCoreInfo | null = null;
  for (const frame of everyPage(image, log)) {
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

/** Texts that begin in a page. Before 4.12 the text is in an array of the kernel's image, and may cross pages. */
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
