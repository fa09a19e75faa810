// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../core/log.js';
import type { KernelNeeds } from '../kernel/needs.js';
import type { Selected } from '../kvm/select.js';
import { openHost } from '../opening/open-host.js';
import { guestImage } from '../spaces/guest-image.js';
import type { HostGiven } from './command.js';

/** Opens the kernel of a guest from the guest's memory alone. Throws `DumpError` if what is needed is not there. */
export function openGuest(selected: Selected, needs: KernelNeeds, log: Log): HostGiven {
  const image = guestImage(selected, `memory of the VM of pid ${selected.pid}`);
  return { image, host: log.step('kernel of the guest', () => openHost(image, image, log, needs)) };
}
