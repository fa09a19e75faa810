// SPDX-License-Identifier: Apache-2.0
import type { TypesFrom } from '../opening/outside.js';

/** Files that the user named, and where to search for others. */
export interface BesideOptions {
  /** Which sources of types are used; `auto`, the default, is all that help. */
  readonly typesFrom: TypesFrom;
  /** The kernel's vmlinux with debug information, of the same build; null if it is not given, as for the other files. */
  readonly vmlinux: string | null;
  /** The kernel's kvm.ko with debug information, of the same build; also .gz, .xz or .zst. */
  readonly kvmModule: string | null;
  /** The kernel's kvm-amd.ko, in the same forms; for the registers of vCPUs on AMD's processors. */
  readonly kvmAmdModule: string | null;
  /** The kernel's System.map, for symbols that the dump lacks. */
  readonly systemMap: string | null;
  /** A layout profile of the kernel. */
  readonly layout: string | null;
  /** A file with the text of VMCOREINFO, if the dump has none or a wrong one. */
  readonly vmcoreinfo: string | null;
  /** Folders to search before the places where distributions install files. */
  readonly debugDirs: readonly string[];
  /** Whether files may be fetched from debuginfod servers by build-id. If false, no socket is opened. */
  readonly debuginfod: boolean;
}

/** The defaults: no files named, any source of types, no network. */
export const NOTHING_SAID: BesideOptions = {
  typesFrom: 'auto',
  vmlinux: null,
  kvmModule: null,
  kvmAmdModule: null,
  systemMap: null,
  layout: null,
  vmcoreinfo: null,
  debugDirs: [],
  debuginfod: false,
};
