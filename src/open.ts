// SPDX-License-Identifier: Apache-2.0
import type { Log } from './core/log.js';
import { silentLog } from './core/log.js';
import type { FrameSource } from './core/memory.js';
import type { DumpImage } from './dump/image.js';
import { openImage } from './dump/open.js';
import { FileSource } from './io/file-source.js';
import type { Host } from './kernel/host.js';
import { openHost } from './kernel/open-host.js';

/** An opened dump: its physical memory and its kernel. */
export interface OpenDump {
  readonly image: DumpImage;
  readonly host: Host;
  /** Closes the file; nothing more can be read. */
  readonly close: () => void;
}

/**
 * Opens a host's dump. Throws `DumpError` when the file is no dump, or its kernel can't be read, saying what is
 * missing. `watch` can put itself between the kernel and the image, to see which frames are read.
 */
export async function openDump(
  path: string,
  log: Log = silentLog,
  watch: (image: DumpImage) => FrameSource = (image) => image,
): Promise<OpenDump> {
  const file = FileSource.open(path);
  const close = (): void => {
    file.close();
  };
  try {
    const image = await openImage(file, () => {
      log.tick();
    });
    return { image, host: openHost(image, watch(image), log), close };
  } catch (error) {
    close();
    throw error;
  }
}
