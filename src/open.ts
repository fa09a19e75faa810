// SPDX-License-Identifier: Apache-2.0
import type { Log } from './core/log.js';
import { silentLog } from './core/log.js';
import type { FrameSource } from './core/memory.js';
import { Beside, type BesideOptions } from './debuginfo/beside.js';
import { describeObjects } from './debuginfo/describe.js';
import type { DumpImage } from './dump/image.js';
import { type InputFormat, openImage as imageOf } from './dump/open.js';
import { PhysicalMemory } from './dump/physical.js';
import { FileSource } from './io/file-source.js';
import type { Host } from './kernel/host.js';
import { HOST_NEEDS, type KernelNeeds } from './kernel/needs.js';
import { KVM_MODULE, KVM_NEEDS } from './kvm/needs.js';
import { moduleBuildId } from './opening/module-build.js';
import { openHostWith } from './opening/open-host.js';
import type { DescribedKernel } from './types/profile.js';

/** An opened dump: its physical memory and its kernel. */
export interface OpenDump extends OpenImage {
  readonly host: Host;
}

/** Options for opening the dump of a host; each has a default. */
export interface DumpOptions extends FileOptions {
  /**
   * What is needed of the dump: VMs (`kvm`, the default), or only processes and their memory (`host`), which works on a
   * host without KVM too.
   */
  readonly needs?: 'host' | 'kvm';
  /** Files with symbols and types that are not in the dump. */
  readonly beside?: Partial<BesideOptions>;
}

/** Options for opening the dump of a host, with a hook for tests and recordings. */
export interface OpenOptions extends DumpOptions {
  /** Returns the frames that the kernel is read from: `image`, or a wrapper that records what is read. */
  readonly watch?: (image: DumpImage) => FrameSource;
}

/** Options for reading the files of a dump. */
export interface FileOptions {
  /** Receives warnings and findings; by default they are discarded (`silentLog`). */
  readonly log?: Log;
  /** The format, for a file that does not identify it: `raw` is physical memory from address 0 on. */
  readonly inputFormat?: InputFormat;
}

/** An opened dump: its physical memory, without the kernel in it. */
export interface OpenImage {
  readonly image: DumpImage;
  readonly memory: PhysicalMemory;
  /** Closes the files. */
  readonly close: () => void;
}

/**
 * Opens the files of a dump: one, or all parts of a split dump. Throws `DumpError` if they are not a dump of a known
 * format. Damage that does not prevent reading is a warning.
 */
export async function openImage(paths: string | readonly string[], options: FileOptions = {}): Promise<OpenImage> {
  const { log = silentLog, inputFormat = 'auto' } = options;
  const files: FileSource[] = [];
  const onRead = (): void => {
    log.tick();
  };
  const close = (): void => {
    for (const file of files.splice(0)) file.close();
  };
  try {
    for (const path of typeof paths === 'string' ? [paths] : paths) files.push(FileSource.open(path));
    const image = await imageOf(files, { format: inputFormat, onRead });
    for (const problem of image.problems) log.warn(problem.message, problem);
    return { image, memory: new PhysicalMemory(image), close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Opens the dump of a host. Throws `DumpError` if the file is not a dump, or if its kernel cannot be read; the error
 * says what is missing.
 */
export async function openDump(paths: string | readonly string[], options: OpenOptions = {}): Promise<OpenDump> {
  const { log = silentLog } = options;
  const watch = options.watch ?? ((image: DumpImage): FrameSource => image);
  const beside = new Beside(options.beside ?? {}, log);
  const opened = await openImage(paths, options);
  const close = (): void => {
    beside.close();
    opened.close();
  };
  try {
    const { image } = opened;
    const host = await openHostWith(image, watch(image), { log, needs: needsOf(options), outside: beside });
    return { image, memory: opened.memory, host, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A module file that the user names is always read, so that its build is checked. */
function needsOf({ needs = 'kvm', beside }: OpenOptions): KernelNeeds {
  if (needs === 'kvm') return KVM_NEEDS;
  return beside?.kvmModule == null ? HOST_NEEDS : { ...HOST_NEEDS, modules: [KVM_MODULE] };
}

/** Types and identity of the kernel in a dump, for a layout profile. */
export async function describeDump(path: string | readonly string[], options: OpenOptions): Promise<DescribedKernel> {
  const { host, close } = await openDump(path, options);
  const { memory, types, symbols, identity } = host;
  const { release, version, buildId } = identity;
  const kernel = {
    release,
    version,
    buildId,
    kvmBuildId: moduleBuildId(memory, symbols.table, types, KVM_MODULE.name),
    source: types.source,
  };
  return { types, identity: kernel, close };
}

/**
 * Types and identity of the kernel of a vmlinux and the kvm.ko of its build (null if KVM is built in), without a dump.
 */
export const describeFiles = (vmlinux: string, kvmModule: string | null, log: Log): Promise<DescribedKernel> =>
  describeObjects({ vmlinux, module: kvmModule === null ? null : { path: kvmModule, is: KVM_MODULE } }, KVM_NEEDS, log);
