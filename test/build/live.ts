// SPDX-License-Identifier: Apache-2.0
// A running machine: memory that changes between readings.
import { DumpImage, type PageReader } from '../../src/dump/image.js';
import type { Host } from '../../src/kernel/host.js';
import type { SyntheticHost } from './host.js';

/**
 * Opens a host whose memory changes: `change` is called each time that what was read is dropped, with the number of the reading
 * that follows (the first is 1). As on /proc/kcore, bytes that were read stay as they were.
 */
export function openRunning(host: SyntheticHost, change: (reading: number) => void): Host {
  const { reader } = host.image();
  let count = 0;
  const running = Object.assign(Object.create(reader) as PageReader, {
    page(frame: Parameters<PageReader['page']>[0]) {
      const page = reader.page(frame);
      if (!(page instanceof DataView)) return page;
      return new DataView(page.buffer.slice(page.byteOffset, page.byteOffset + page.byteLength));
    },
    forget() {
      change(++count);
    },
  });
  return host.openImage(new DumpImage('running', running));
}
