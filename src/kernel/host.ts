// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { Symbols } from '../symbols/cache.js';
import type { TypeSource } from '../types/source.js';
import type { KernelMemory } from './memory.js';
import type { KernelNeeds } from './needs.js';

/** Which build of a kernel a dump is of. */
export interface KernelIdentity {
  readonly release: string;
  /** uts version: number and date of the build. */
  readonly version: string;
  /** Hexadecimal digits; null where the kernel does not tell. */
  readonly buildId: string | null;
  /** Whether it stands in the kernel's own notes; VMCOREINFO's copy is garbage in some stable releases. */
  readonly buildIdProven: boolean;
}

/** An opened kernel: its memory, its names and its types. */
export interface Host {
  readonly frames: FrameSource;
  readonly memory: KernelMemory;
  readonly info: VmCoreInfo;
  readonly release: string;
  /** The texts of struct new_utsname: sysname, nodename, release, version, machine, domainname. */
  readonly uts: readonly string[];
  readonly types: TypeSource;
  readonly symbols: Symbols;
  readonly identity: KernelIdentity;
  /** What it was opened for. More than that may be there, but was not held to be of the right build. */
  readonly needs: KernelNeeds;
  readonly log: Log;
}
