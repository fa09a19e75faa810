// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../../core/errors.js';
import { vendorModule } from '../about.js';
import type { Kvm } from '../kvm.js';
import { listVcpus } from './list.js';
import { type Vcpu, VcpuReader } from './vcpu.js';

/** A vCPU of a guest that is read. */
export type GuestVcpu = Pick<Vcpu, 'id' | 'index' | 'registers' | 'nestedGuest' | 'mode' | 'problems'>;

/**
 * The vCPUs of the VM whose struct kvm is at an address, without those that can't be read. Throws `DumpError` if none can be
 * listed.
 */
export function vcpusOfVm(kvm: Kvm, address: bigint): readonly GuestVcpu[] {
  const { host } = kvm;
  const reader = new VcpuReader(
    host,
    orNull(() => vendorModule(host)),
  );
  const vcpus: GuestVcpu[] = [];
  for (const listed of listVcpus(kvm, address).vcpus) {
    try {
      vcpus.push(reader.read(address, listed).vcpu);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      host.log.found(`vCPU with index ${listed.index}: ${error.message}`);
    }
  }
  return vcpus;
}
