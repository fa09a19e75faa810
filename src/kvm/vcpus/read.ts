// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import type { Host } from '../../kernel/host.js';
import { resolve } from '../../types/fields.js';
import type { Member } from '../../types/source.js';
import { vendorModule } from '../about.js';
import type { Kvm } from '../kvm.js';
import { listVcpus } from './list.js';
import { archFields } from './structs.js';
import { type Vcpu, VcpuReader } from './vcpu.js';

/** A vCPU of a guest that is read. */
export interface GuestVcpu
  extends Pick<Vcpu, 'id' | 'index' | 'registers' | 'smm' | 'nestedGuest' | 'mode' | 'problems'> {
  readonly modes: ModeBits;
}

/**
 * CR0 and CR4 as KVM has them, of which only the bits that choose the kind of paging are current: the guest can't change
 * these without an exit, on any processor. Null if the dump or the types do not say so.
 */
export interface ModeBits {
  readonly cr0: bigint | null;
  readonly cr4: bigint | null;
}

/** CR0.PG; CR4.PSE, PAE and LA57. */
const MODE_BITS = { cr0: 1n << 31n, cr4: (1n << 4n) | (1n << 5n) | (1n << 12n) } as const;

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
      const { vcpu } = reader.read(address, listed);
      vcpus.push({ ...vcpu, modes: modesOf(host, listed.address) });
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      host.log.found(`vCPU with index ${listed.index}: ${error.message}`);
    }
  }
  return vcpus;
}

function modesOf({ memory, types }: Host, address: bigint): ModeBits {
  const { at } = resolve(types, { at: archFields });
  const bytes = LazyBytes.of(memory, address, at.bytes, 'struct kvm_vcpu');
  const bits = (name: 'cr0' | 'cr4', owned: Member | null): bigint | null =>
    owned === null || (bytes.u64(owned.offset) & MODE_BITS[name]) !== 0n
      ? null
      : bytes.u64(at[name].offset) & MODE_BITS[name];
  return { cr0: bits('cr0', at.cr0Guest), cr4: bits('cr4', at.cr4Guest) };
}
