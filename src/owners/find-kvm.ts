// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { Kvm } from '../kvm/kvm.js';
import { KVM_MODULE, KVM_NEEDS } from '../kvm/needs.js';

/** KVM of a host; null if it is not loaded, or can't be read. `problem`: why it can't be read. */
export interface FoundKvm {
  readonly kvm: Kvm | null;
  readonly problem: string | null;
}

/** KVM of a host that was opened for KVM, or for `OWNER_NEEDS`. Throws `UsageError` if it was opened for neither. */
export function findKvm(host: Host): FoundKvm {
  const { needs } = host;
  const isSought = !needs.modules.includes(KVM_MODULE) && needs.sought.includes(KVM_MODULE);
  try {
    const opened = isSought ? { ...host, types: host.typesOf(KVM_MODULE), needs: KVM_NEEDS } : host;
    return { kvm: new Kvm(opened), problem: null };
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return { kvm: null, problem: error.code === 'no-kvm' ? null : `KVM can't be read: ${error.message}` };
  }
}
