// SPDX-License-Identifier: Apache-2.0
// What the kernel in a dump says of itself, for the record of the dump.
import { DumpError, orNull } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { LOG_NEEDS } from '../kernel/needs.js';
import { logMessages } from '../kernel/printk/log.js';
import { Tasks } from '../kernel/tasks.js';
import { allVms } from '../kvm/all-vms.js';
import { findKvm } from '../owners/find-kvm.js';
import { type DumpRow, timeText } from './dump-rows.js';
import { panicIn } from './panic.js';

export type DumpFacts = Pick<DumpRow, 'release' | 'buildId' | 'node' | 'crashTime' | 'panic' | 'vms'>;

/** What is known of the kernel in a dump. `problem` is called with what could not be read. */
export function dumpFacts(host: Host, problem: (text: string) => void): DumpFacts {
  const { release, buildId } = host.identity;
  const crashed = host.info.text('CRASHTIME');
  return {
    release,
    buildId,
    node: host.uts[1] ?? null,
    crashTime: crashed !== null && /^[0-9]{1,12}$/.test(crashed) ? timeText(Number(crashed) * 1000) : null,
    // A log that can't be read has nothing about the crash.
    panic: orNull(() => panicIn(logMessages(host, () => undefined))),
    vms: numberOfVms(host, problem),
  };
}

function numberOfVms(host: Host, problem: (text: string) => void): number | null {
  try {
    // A kernel of which only the log can be read.
    if (host.needs === LOG_NEEDS) return null;
    const { kvm, problem: why } = findKvm(host);
    if (why !== null) problem(why);
    if (kvm === null) return why === null ? 0 : null;
    const { vms, problems } = allVms(kvm, new Tasks(host));
    for (const each of problems) problem(each);
    return vms.length;
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    problem(error.message);
    return null;
  }
}
