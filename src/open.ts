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
export interface OpenDump {
  readonly image: DumpImage;
  readonly host: Host;
  /** Closes the file; nothing more can be read. */
  readonly close: () => void;
}

/** How a host is opened; everything has a default. */
export interface OpenOptions extends FileOptions {
  /**
   * What is to be asked of it: VMs (`kvm`, the default), or processes, their memory and the kernel's (`host`), which a
   * host without KVM answers as well.
   */
  readonly needs?: 'host' | 'kvm';
  /** Can put itself between the kernel and the image, to see which frames are read. */
  readonly watch?: (image: DumpImage) => FrameSource;
  /** Files of symbols and types beside the dump. */
  readonly beside?: Partial<BesideOptions>;
}

/** How the files of a dump are read. */
export interface FileOptions {
  readonly log?: Log;
  /** The form, where the file does not tell: `raw` is physical memory from address 0 on. */
  readonly inputFormat?: InputFormat;
}

/** The physical memory in a dump: no kernel is needed. */
export interface OpenImage {
  readonly image: DumpImage;
  readonly memory: PhysicalMemory;
  /** Closes the files; nothing more can be read. */
  readonly close: () => void;
}

/**
 * Opens a dump's files: one, or all parts of one that was split. Throws `DumpError` when they are no dump of a known
 * form; what is wrong with one that can be read is warned of.
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
 * Opens a host's dump. Throws `DumpError` when the file is no dump, or its kernel can't be read, saying what is
 * missing.
 */
export async function openDump(paths: string | readonly string[], options: OpenOptions = {}): Promise<OpenDump> {
  const { log = silentLog } = options;
  const watch = options.watch ?? ((image: DumpImage): FrameSource => image);
  const opened = await openImage(paths, options);
  const beside = new Beside(options.beside ?? {}, log);
  const close = (): void => {
    beside.close();
    opened.close();
  };
  try {
    const { image } = opened;
    const host = await openHostWith(image, watch(image), { log, needs: needsOf(options), outside: beside });
    return { image, host, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A file of the module that the user names is read, and so held to be of the right build, whatever it is needed for. */
function needsOf({ needs = 'kvm', beside }: OpenOptions): KernelNeeds {
  if (needs === 'kvm') return KVM_NEEDS;
  return beside?.kvmModule == null ? HOST_NEEDS : { ...HOST_NEEDS, modules: [KVM_MODULE] };
}

/** The types of a dump's kernel and its identity, for a layout profile. */
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

/** The same out of a vmlinux and the kvm.ko of its build; null where KVM is built in. No dump is needed. */
export const describeFiles = (vmlinux: string, kvmModule: string | null, log: Log): Promise<DescribedKernel> =>
  describeObjects({ vmlinux, module: kvmModule === null ? null : { path: kvmModule, is: KVM_MODULE } }, KVM_NEEDS, log);
