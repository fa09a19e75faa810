// SPDX-License-Identifier: Apache-2.0
// A guest whose pages are in many states, on a host that does not exist.
import { SyntheticHost } from './host.js';
import { PAGE, protNone, swapEntry } from './memory.js';

export const PID = 191579;
/** Where the process has the guest's memory, and that above 4 GiB, which begins at a multiple of 1 GiB. */
const LOW = 0x7f0000000000n;
const HIGH = 0x7f4000000000n;
const MIB = 1n << 20n;
const GIB = 1n << 30n;

/** A page of the guest: what is known of it, in the words of the page. */
export interface Truth {
  readonly gpa: bigint;
  readonly hva: bigint;
  /** Null if it has none. */
  readonly hpa: bigint | null;
  readonly state: string;
}

/** The host, and the truth about some pages of the guest. */
export function manyStates(): { host: SyntheticHost; truth: readonly Truth[] } {
  const host = new SyntheticHost();
  host.swapArea(1);
  // The machine has memory up to there.
  host.memory.frames.set(0x700000, new Uint8Array(4096));
  const slots = [
    { id: 0, gpa: 0n, pages: 0xa0n, hva: LOW },
    { id: 1, gpa: MIB, pages: (63n * MIB) / PAGE, hva: LOW + MIB },
    { id: 2, gpa: 4n * GIB, pages: GIB / PAGE, hva: HIGH },
    { id: 3, gpa: 0xfffc0000n, pages: 0x40n, hva: LOW + 2n * GIB, flags: 2 },
  ];
  const { tables } = host.vmm(PID, slots);
  const truth: Truth[] = [];
  const add = (gpa: bigint, hpa: bigint | null, state: string): void => {
    const hva =
      gpa < 64n * MIB ? LOW + gpa : gpa < 4n * GIB ? LOW + 2n * GIB + gpa - 0xfffc0000n : HIGH + gpa - 4n * GIB;
    truth.push({ gpa, hva, hpa, state });
  };
  const at = (gpa: bigint): bigint => LOW + gpa;
  // 16 MiB of small pages in any order, one of them at two addresses.
  for (let i = 0; i < 4096; i++) {
    const gpa = 16n * MIB + BigInt(i) * PAGE;
    const frame = i === 7 ? 0x200000 : 0x200000 + ((i * 2731) % 4096);
    tables.map(at(gpa), frame);
    if (i % 511 === 0 || i === 7) add(gpa, BigInt(frame) * PAGE, 'resident');
  }
  // 8 MiB of pages of 2 MiB, then one of 1 GiB.
  for (let i = 0n; i < 4n; i++) tables.map(at(32n * MIB + i * 2n * MIB), 0x80000 + Number(i) * 1024, 1);
  add(34n * MIB + 5n * PAGE, 0x80405000n, 'resident');
  tables.map(HIGH, 0x400000, 2);
  add(4n * GIB + 0x123n * PAGE, 0x400123000n, 'resident');
  tables.map(LOW + 2n * GIB, 0x777);
  add(0xfffc0000n, 0x777000n, 'resident');
  for (let i = 0n; i < 512n; i++) tables.set(at(48n * MIB + i * PAGE), 0, swapEntry(1, 0x1000n + i));
  add(48n * MIB + 9n * PAGE, null, 'swapped (swap-entry)');
  tables.set(at(0x5000n), 0, protNone(0x666));
  add(0x5000n, 0x666000n, 'resident (PROT_NONE)');
  // SWP_HWPOISON of a kernel that also has device and migration entries and markers (include/linux/swap.h).
  tables.set(at(0x9000n), 0, swapEntry(24, 0x99n));
  add(0x9000n, null, 'poisoned (hwpoison-entry)');
  add(0x30000n, null, 'not mapped (empty-entry)');
  return { host, truth };
}
