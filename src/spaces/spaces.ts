// SPDX-License-Identifier: Apache-2.0
// The address spaces of a host: of a dump, or of a running one.
import type { Host } from '../kernel/host.js';
import { isLive } from '../kernel/live.js';
import type { Mm } from '../kernel/mm.js';
import type { Vm } from '../kvm/vm.js';
import { GuestSpace } from './guest-space.js';
import { LiveGuestSpace } from './live-guest-space.js';
import { LiveMmSpace } from './live-mm-space.js';
import { MmSpace } from './mm-space.js';

/** A guest's physical memory in one of KVM's address spaces. Throws what the constructor of `GuestSpace` throws. */
export const guestSpaceOf = (vm: Vm, addressSpace: number): GuestSpace =>
  isLive(vm.kvm.host) ? new LiveGuestSpace(vm, addressSpace) : new GuestSpace(vm, addressSpace);

/** The memory of a process. */
export const mmSpaceOf = (host: Host, mm: Mm): MmSpace =>
  isLive(host) ? new LiveMmSpace(host, mm) : new MmSpace(host, mm);
