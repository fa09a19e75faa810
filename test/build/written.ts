// SPDX-License-Identifier: Apache-2.0
import { elfCore } from './files.js';
import type { SyntheticHost } from './host.js';

/** The bytes of a complete ELF dump of a synthetic host. */
export function dumpOf(host: SyntheticHost): Buffer {
  const text = host.vmcoreinfo();
  const segments = [...host.memory.frames]
    .sort(([a], [b]) => a - b)
    .map(([frame, bytes]) => ({ paddr: frame * 4096, bytes }));
  return elfCore({ segments, notes: [{ name: 'VMCOREINFO', type: 0, desc: Buffer.from(text) }] });
}
