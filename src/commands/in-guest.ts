// SPDX-License-Identifier: Apache-2.0
import { loadKernelCodecs } from '../codecs/index.js';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { Host } from '../kernel/host.js';
import { type KernelNeeds, LOG_NEEDS } from '../kernel/needs.js';
import { type Selected, selectByWord } from '../kvm/select.js';
import { openHost } from '../opening/open-host.js';
import { guestImage } from '../spaces/guest-image.js';
import type { HostGiven } from './command.js';

/** Opens the kernel of a guest from the guest's memory alone. Throws `DumpError` if what is needed is not there. */
export function openGuest(selected: Selected, needs: KernelNeeds, log: Log): HostGiven {
  const image = guestImage(selected, `memory of the VM of pid ${selected.pid}`);
  try {
    return { image, host: log.step('kernel of the guest', () => openHost(image, image, log, needs)) };
  } catch (error) {
    // Files that are given besides the dump are the host's: no remedy for a guest.
    throw error instanceof DumpError ? new DumpError(error.message, { origin: error, remedies: [] }) : error;
  }
}

/** Opens the kernel of a guest for its log. `word`: the process that has the VM. */
export async function openGuestOf(host: Host, word: string, log: Log): Promise<HostGiven> {
  // The log can be in compressed swap.
  await loadKernelCodecs();
  return openGuest(
    log.step('VM', () => selectByWord(host, word)),
    LOG_NEEDS,
    log,
  );
}
