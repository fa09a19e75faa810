// SPDX-License-Identifier: Apache-2.0

import { silentLog } from '../../src/core/log.js';
import { selectVm } from '../../src/kvm/select.js';
import type { SyntheticHost } from './host.js';

export const SLOT = { id: 0, gpa: 0n, pages: 16n, hva: 0x7f0000000000n };

/** Finds the VM that -g and --vm select, and collects the warnings. */
export function select(host: SyntheticHost, process: string | null, choice: string | null = null) {
  const said: string[] = [];
  const opened = host.open({ ...silentLog, warn: (text) => said.push(text) });
  const { pid, fd, vm } = selectVm(opened, process, choice);
  return { pid, fd, kvm: vm.address, mm: vm.mm.address, said };
}
