// SPDX-License-Identifier: Apache-2.0
// The search over all that is shown.
import { type Fact, factsOfDump, factsOfVm } from './details.js';
import type { DumpEntry, VmEntry } from './rows.js';

const textOf = (...parts: readonly (readonly string[])[]): string => parts.flat().join('\n').toLowerCase();

const values = (facts: readonly Fact[]): string[] => facts.map(([, value]) => value);

/** A dump is found by what is known of its VMs, too. */
export const textOfDump = (row: DumpEntry): string =>
  textOf(
    [row.dump.status],
    values(factsOfDump(row)),
    row.dump.problems,
    row.vms.flatMap((vm) => [...values(factsOfVm(vm)), ...vm.vm.problems]),
  );

export const textOfVm = (row: VmEntry): string => textOf([row.dump.status], values(factsOfVm(row)), row.vm.problems);
