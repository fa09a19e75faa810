// SPDX-License-Identifier: Apache-2.0
import type { Log } from './core/log.js';
import { silentLog } from './core/log.js';
import type { FrameSource } from './core/memory.js';
import { Beside, type BesideOptions } from './debuginfo/beside.js';
import type { DumpImage } from './dump/image.js';
import { openImage } from './dump/open.js';
import { FileSource } from './io/file-source.js';
import type { Host } from './kernel/host.js';
import { kvmBuildId } from './kernel/module-build.js';
import { openHostWith } from './kernel/open-host.js';
import type { DescribedKernel } from './types/profile.js';

/** An opened dump: its physical memory and its kernel. */
export interface OpenDump {
  readonly image: DumpImage;
  readonly host: Host;
  /** Closes the file; nothing more can be read. */
  readonly close: () => void;
}

/** How a dump is opened; everything has a default. */
export interface OpenOptions {
  readonly log?: Log;
  /** Can put itself between the kernel and the image, to see which frames are read. */
  readonly watch?: (image: DumpImage) => FrameSource;
  /** Files of symbols and types beside the dump. */
  readonly beside?: Partial<BesideOptions>;
}

/**
 * Opens a host's dump. Throws `DumpError` when the file is no dump, or its kernel can't be read, saying what is
 * missing.
 */
export async function openDump(path: string, options: OpenOptions = {}): Promise<OpenDump> {
  const { log = silentLog } = options;
  const watch = options.watch ?? ((image: DumpImage): FrameSource => image);
  const file = FileSource.open(path);
  const beside = new Beside(options.beside ?? {}, log);
  const close = (): void => {
    beside.close();
    file.close();
  };
  try {
    const image = await openImage(file, () => {
      log.tick();
    });
    return { image, host: await openHostWith(image, watch(image), log, beside), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The types of a dump's kernel and its identity, for a layout profile. */
export async function describeDump(path: string, options: OpenOptions): Promise<DescribedKernel> {
  const { host, close } = await openDump(path, options);
  const { memory, types, symbols, identity } = host;
  const { release, version, buildId } = identity;
  const kernel = {
    release,
    version,
    buildId,
    kvmBuildId: kvmBuildId(memory, symbols.table, types),
    source: types.source,
  };
  return { types, identity: kernel, close };
}
