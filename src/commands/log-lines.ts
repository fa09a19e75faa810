// SPDX-License-Identifier: Apache-2.0
// Lines of the kernel's log that name a page of physical memory.
import { type AskedAddress, parseAddress } from '../core/text.js';

/** A number as %#lx prints it, and one without 0x. */
const FRAME = '0x([0-9a-f]+)';
const BARE = '(?:0x)?([0-9a-fA-F]+)\\b';

/** Lines with a frame number; a second number is a byte in the frame. */
const FRAMES: readonly RegExp[] = [
  // mm/memory-failure.c; `MCE` up to v4.9.
  new RegExp(`\\b(?:Memory failure:|[Ss]oft[ _]offline:|MCE) ${FRAME}:`),
  new RegExp(`\\bSoftware-unpoisoned (?:free )?page ${FRAME}`),
  // mm/madvise.c
  new RegExp(`\\b(?:pfn|page) ${FRAME} at process virtual address`),
  // drivers/edac/edac_mc.c
  new RegExp(`\\bpage:${FRAME} offset:${FRAME}`),
  // mm/page_alloc.c (bad_page), mm/debug.c (dump_page)
  new RegExp(`\\bpfn:${BARE}`),
];

/** Lines with an address. */
const ADDRESSES: readonly RegExp[] = [
  // arch/x86/kernel/cpu/mce/core.c
  new RegExp(`(?:mce|MCE|Hardware Error).*\\bADDR:? ${BARE}`),
  new RegExp(`\\bhardware memory error in user-access at ${BARE}`),
  // drivers/firmware/efi/cper.c
  new RegExp(`\\bphysical_address: ${BARE}`),
];

/** The address in a line of the kernel's log about a page or a memory error; null if it is not such a line. */
export function parseLogLine(line: string): AskedAddress | null {
  for (const pattern of FRAMES) {
    const [, frame, offset = '0'] = pattern.exec(line) ?? [];
    if (frame !== undefined) return parseAddress(`${frame}${offset.padStart(3, '0').slice(-3)}`);
  }
  for (const pattern of ADDRESSES) {
    const [, address] = pattern.exec(line) ?? [];
    if (address !== undefined) return parseAddress(address);
  }
  return null;
}
