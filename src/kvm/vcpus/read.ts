// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import type { Host } from '../../kernel/host.js';
import { resolve } from '../../types/fields.js';
import type { Member } from '../../types/source.js';
import { vendorModule } from '../about.js';
import type { Kvm } from '../kvm.js';
import { type ListedVcpu, listVcpus } from './list.js';
import type { PagingRegisters, Registers } from './registers.js';
import { archFields } from './structs.js';
import { type ReadVcpu, type Vcpu, VcpuReader } from './vcpu.js';

/** A vCPU of a guest that is read. */
export interface GuestVcpu
  extends Pick<Vcpu, 'id' | 'index' | 'registers' | 'smm' | 'nestedGuest' | 'mode' | 'problems'> {
  /**
   * The control registers of the guest itself, even if the vCPU was running a guest of the guest; all null if they are not known.
   * Of CR0 and CR4, only the bits that choose the kind of paging may be current: the guest can't change these without an exit, on
   * any processor.
   */
  readonly paging: PagingRegisters;
  /** Why `paging` is not known although `registers` may be; null if `registers` are the guest's own. */
  readonly unknown: DumpError | null;
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
      const read = reader.read(address, listed);
      vcpus.push({ ...read.vcpu, ...pagingRegisters(host, listed, read) });
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      host.log.found(`vCPU with index ${listed.index}: ${error.message}`);
    }
  }
  return vcpus;
}

const UNKNOWN: PagingRegisters = { cr0: null, cr3: null, cr4: null, efer: null };

function pagingRegisters(
  host: Host,
  { address }: ListedVcpu,
  { vcpu, saved }: ReadVcpu,
): Pick<GuestVcpu, 'paging' | 'unknown'> {
  try {
    return { paging: saved() ?? withModes(host, address, vcpu.registers), unknown: null };
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return { paging: UNKNOWN, unknown: error };
  }
}

/** On Intel's processors only the VMCS may have all bits of CR0 and CR4. */
function withModes({ memory, types }: Host, address: bigint, { cr0, cr3, cr4, efer }: Registers): PagingRegisters {
  const { at } = resolve(types, { at: archFields });
  const bytes = LazyBytes.of(memory, address, at.bytes, 'struct kvm_vcpu');
  const bits = (name: 'cr0' | 'cr4', owned: Member | null): bigint | null =>
    owned === null || (bytes.u64(owned.offset) & MODE_BITS[name]) !== 0n
      ? null
      : bytes.u64(at[name].offset) & MODE_BITS[name];
  return { cr0: cr0 ?? bits('cr0', at.cr0Guest), cr3, cr4: cr4 ?? bits('cr4', at.cr4Guest), efer };
}
