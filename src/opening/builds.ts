// SPDX-License-Identifier: Apache-2.0
import type { KernelIdentity } from '../kernel/host.js';
import { BtfRecord, type KnownBtf } from '../types/btf-record.js';

/** Builds that are remembered; the oldest is forgotten first. */
const MOST = 32;

/** What was learned of kernels in this process, for other dumps of the same builds. */
export class Builds {
  readonly #records = new Map<string, Map<string, BtfRecord>>();

  /** For a dump that has this name, which no other dump has. */
  for(dump: string): DumpBuilds {
    return { btf: (kernel, part) => this.#btf(kernel, part, dump) };
  }

  #btf({ buildId, buildIdProven, version }: KernelIdentity, part: string, dump: string): KnownBtf | null {
    if (!buildIdProven) return null;
    const key = `${buildId} ${version}`;
    let records = this.#records.get(key);
    if (records === undefined) {
      const [oldest] = this.#records.keys();
      if (oldest !== undefined && this.#records.size === MOST) this.#records.delete(oldest);
      records = new Map();
      this.#records.set(key, records);
    }
    let record = records.get(part);
    if (record === undefined) {
      record = new BtfRecord();
      records.set(part, record);
    }
    return { record, dump };
  }
}

/** What is known of the builds of a dump's kernels. */
export interface DumpBuilds {
  /** What is known of the BTF of a kernel; `part`: a module, or vmlinux. Null if the build is not proven. */
  btf(kernel: KernelIdentity, part: string): KnownBtf | null;
}
