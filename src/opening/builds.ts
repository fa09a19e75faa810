// SPDX-License-Identifier: Apache-2.0
import type { KeptAnswers } from '../core/kept.js';
import type { KernelIdentity } from '../kernel/host.js';
import type { SymbolHints } from '../symbols/hints.js';
import type { TypeHints } from '../types/btf-hints.js';
import { BtfRecord, type KnownBtf } from '../types/btf-record.js';

/** Builds that are remembered; the oldest is forgotten first. */
const MOST = 32;

/** What was learned of kernels in this process, for other dumps of the same builds. */
export class Builds {
  readonly #records = new Map<string, BtfRecord>();

  /** What is known for a dump that has this name, which no other dump has. */
  for(dump: string): Pick<DumpBuilds, 'btf'> {
    return {
      btf: (kernel) => {
        const record = this.#recordOf(kernel);
        return record === null ? null : { record, dump };
      },
    };
  }

  #recordOf({ buildId, buildIdProven, version }: KernelIdentity): BtfRecord | null {
    if (!buildIdProven) return null;
    const key = `${buildId} ${version}`;
    let record = this.#records.get(key);
    if (record === undefined) {
      const [oldest] = this.#records.keys();
      if (oldest !== undefined && this.#records.size === MOST) this.#records.delete(oldest);
      record = new BtfRecord();
      this.#records.set(key, record);
    }
    return record;
  }
}

/** What is known of the builds of a dump's kernels. */
export interface DumpBuilds {
  /** What is known of the BTF of vmlinux of a kernel; null if its build is not proven. */
  btf(kernel: KernelIdentity): KnownBtf | null;
  /** Where names were in earlier runs; null or absent if that is not kept. */
  hints?(kernel: StatedBuild): NameHints | null;
  /** What the kernel's own symbols and types have answered in earlier runs on the same files; null or absent if that is not kept. */
  answers?(kernel: StatedBuild): KeptAnswers | null;
}

/** Where the names of types are in the BTF of a kernel, and those of symbols in its kallsyms. */
export interface NameHints extends TypeHints, SymbolHints {}

/** What names a kernel's build before it is proven. */
export interface StatedBuild {
  readonly release: string;
  /** Version in struct new_utsname, with number and date of the build. */
  readonly version: string;
  /** The build-id in VMCOREINFO, which can be wrong; null if there is none. */
  readonly buildId: string | null;
  /** The text of VMCOREINFO, which copies of a dump share, and other crashes do not: it has the place of the kernel and the time. */
  readonly crash: string;
}
