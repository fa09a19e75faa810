// SPDX-License-Identifier: Apache-2.0
import type { KeptAnswers } from '../core/kept.js';
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { Symbols } from '../symbols/cache.js';
import type { TypeSource } from '../types/source.js';
import type { KernelMemory } from './memory.js';
import type { KernelNeeds, NeededModule } from './needs.js';

/** The build of a dump's kernel. */
export interface KernelIdentity {
  /** Kernel release, as `uname -r` prints it. */
  readonly release: string;
  /** Version, as `uname -v` prints it: number and date of the build. */
  readonly version: string;
  /** Build-id in hexadecimal; null if unknown. */
  readonly buildId: string | null;
  /** Whether `buildId` is from the kernel's own notes. The copy in VMCOREINFO is garbage in some stable releases. */
  readonly buildIdProven: boolean;
}

/** An opened kernel: its memory, symbols and types. */
export interface Host {
  readonly frames: FrameSource;
  readonly memory: KernelMemory;
  readonly info: VmCoreInfo;
  readonly release: string;
  /** The texts of struct new_utsname: sysname, nodename, release, version, machine, domainname. */
  readonly uts: readonly string[];
  readonly types: TypeSource;
  /**
   * `types`, and the types of another module: its BTF, which is read when it is first asked for, and what other files
   * have if the host was opened for it (`needs.sought`).
   */
  readonly typesOf: (module: NeededModule) => TypeSource;
  readonly symbols: Symbols;
  readonly identity: KernelIdentity;
  /** What it has said in earlier runs of what is read with these symbols and types; null if that is not kept. */
  readonly kept: KeptAnswers | null;
  /** What it was opened for. Types of other things may be there, but were not checked to be from the right build. */
  readonly needs: KernelNeeds;
  readonly log: Log;
}
