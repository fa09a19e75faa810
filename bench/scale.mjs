// SPDX-License-Identifier: Apache-2.0
// kvm-vtop map on a host of 1 TiB: pages a second by the size of the guest, beside drgn's walk of the same page tables.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, memoryOf, timed, times } from './measure.mjs';

/** @import { Command } from './measure.mjs' */
/** @import { Places } from './peers.mjs' */

const PAGES_PER_GIB = 2 ** 18;
/** @type {readonly (readonly [number, 'elf' | 'kdump'])[]} */
const CASES = [
  [16, 'elf'],
  [64, 'elf'],
  [256, 'elf'],
  [256, 'kdump'],
];
/** Pages that drgn is asked for, from the start of the large slot. */
const ASKED = 100_000;
const FIRST = 0x400000;

/**
 * `drgn`: the command that asks drgn for a range of a dump; null without peers.
 *
 * @param {Places} places
 * @param {{ source: string, pid: string, drgn: ((dump: string, words: readonly string[]) => Command) | null }} host
 */
export function scale({ cli, scratch }, { source, pid, drgn }) {
  const maker = fileURLToPath(new URL('big-host.mjs', import.meta.url));
  for (const [gib, form] of CASES) {
    const dump = join(scratch, `${gib}-${form}`);
    timed([process.execPath, maker, source, pid, dump, String(gib), form]);
    const runs = times(3, () => timed([...cli, 'map', '-c', dump, '-g', pid, '--summary', '--json']));
    const seconds = median(runs.map((run) => run.seconds));
    const bytes = /"bytes":(\d+)/.exec(runs[0]?.stdout ?? '')?.[1];
    if (Number(bytes) < gib * 2 ** 30) throw new Error(`the map of ${gib} GiB has ${bytes ?? 'no'} bytes`);
    const rate = ((gib * PAGES_PER_GIB) / seconds / 1e6).toFixed(1);
    console.log(
      `map of ${gib} GiB in pages of 4 KiB, ${form}: ${seconds.toFixed(2)} s, ${rate} million pages a second, ${memoryOf(runs)}`,
    );
    if (drgn !== null && form === 'elf' && gib === 16) peer(drgn, dump);
    rmSync(dump);
  }
}

/** @type {(drgn: (dump: string, words: readonly string[]) => Command, dump: string) => void} */
function peer(drgn, dump) {
  /** @type {(pages: number) => number} */
  const seconds = (pages) =>
    timed(drgn(dump, ['--range', FIRST.toString(16), (FIRST + pages * 4096).toString(16), '1000'])).seconds;
  const rate = (ASKED / (seconds(ASKED + 1) - seconds(1)) / 1e6).toFixed(3);
  console.log(`the same by drgn, ${ASKED} pages: ${rate} million pages a second`);
}
