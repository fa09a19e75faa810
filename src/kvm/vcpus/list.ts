// SPDX-License-Identifier: Apache-2.0
// The vCPUs of a VM, from the array or the XArray of struct kvm.
import { DumpError } from '../../core/errors.js';
import { LazyBytes, type Readable } from '../../core/lazy-bytes.js';
import { xaNodes, xarrayEntries } from '../../kernel/containers/xarray.js';
import type { Host } from '../../kernel/host.js';
import { type Resolved, resolve } from '../../types/fields.js';
import type { Member } from '../../types/source.js';
import { orProblem, vcpusOf } from '../about.js';
import type { Kvm } from '../kvm.js';
import { vcpuListFields } from './structs.js';

/** Limit on the indices of vCPUs (KVM_MAX_VCPUS of 7.2 is 4096). */
const MOST_VCPUS = 0x10000;

export interface ListedVcpu {
  /** Its index in struct kvm. */
  readonly index: number;
  /** Address of struct kvm_vcpu, not checked yet. */
  readonly address: bigint;
}

/** The vCPUs of a VM in the order of their indices, which can have holes. */
export interface VcpuList {
  readonly vcpus: readonly ListedVcpu[];
  /** Why others may be missing. */
  readonly problems: readonly string[];
}

/** Lists the vCPUs of the VM whose struct kvm is at an address. Throws `DumpError` if none of it can be read. */
export function listVcpus(kvm: Kvm, address: bigint): VcpuList {
  const { host } = kvm;
  const { kvm: at } = resolve(host.types, { kvm: vcpuListFields });
  const bytes = LazyBytes.of(host.memory, address, at.bytes, 'struct kvm');
  const problems: string[] = [];
  const lost: string[] = [];
  const vcpus = [...entries(host, bytes, at, lost)];
  const counted = orProblem(problems, 'number of vCPUs', () => vcpusOf(kvm, address));
  if (counted !== null && vcpus.length === counted) return { vcpus, problems };
  // A vCPU that is being created is listed before it is counted; KVM creates one at a time.
  if (counted !== null && vcpus.length === counted + 1) return { vcpus, problems: lost };
  if (counted !== null) problems.push(`struct kvm counts ${counted} vCPUs, ${vcpus.length} can be found`);
  return { vcpus, problems: [...problems, ...lost] };
}

function entries(
  host: Host,
  bytes: Readable,
  at: Resolved<typeof vcpuListFields>,
  lost: string[],
): Iterable<ListedVcpu> {
  if (at.xarray !== null) return fromXarray(host, bytes.u64(at.xarray.offset), lost);
  if (at.array !== null) return fromArray(bytes, at.array, lost);
  throw new DumpError(`type information (${host.types.source}) lacks kvm.vcpu_array and kvm.vcpus`, {
    code: 'no-types',
  });
}

function* fromXarray({ memory, types }: Host, head: bigint, lost: string[]): Generator<ListedVcpu> {
  const onLost = (first: bigint, _last: bigint, why: DumpError): void => {
    lost.push(`vCPUs from index ${first} on: ${why.message}`);
  };
  for (const { index, entry } of xarrayEntries(memory, xaNodes(types), head, 0n, BigInt(MOST_VCPUS - 1), onLost))
    yield { index: Number(index), address: entry };
}

function* fromArray(bytes: Readable, { offset, count }: Member, lost: string[]): Generator<ListedVcpu> {
  let reason = '';
  for (let index = 0; index < Math.min(count, MOST_VCPUS); index++) {
    try {
      const address = bytes.u64(offset + index * 8);
      if (address !== 0n) yield { index, address };
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      if (error.message !== reason) lost.push(`vCPUs from index ${index} on: ${error.message}`);
      reason = error.message;
    }
  }
}
