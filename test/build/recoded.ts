// SPDX-License-Identifier: Apache-2.0
// The memory of a dump, to be written in another format.
import { openImage } from '../../src/open.js';
import type { KdumpWish, Packing } from './files.js';
import { hasReference, type ReferenceCodec, reference } from './reference.js';

export interface Contents {
  readonly pages: ReadonlyMap<number, Buffer>;
  readonly info: Buffer;
}

export async function contentsOf(path: string): Promise<Contents> {
  const { memory, close } = await openImage(path);
  const pages = new Map<number, Buffer>();
  for (const frame of memory.image.reader.present()) {
    const [page] = [...memory.read(frame * 4096, 4096)];
    if (page?.bytes) pages.set(frame, Buffer.from(page.bytes));
  }
  const info = Buffer.from(memory.image.reader.vmcoreinfo?.array() ?? []);
  close();
  return { pages, info };
}

/** The last frame that has a page, plus one. */
export const framesOf = ({ pages }: Contents): number => [...pages.keys()].reduce((a, b) => Math.max(a, b), 0) + 1;

const REAL: readonly string[] = ['lzo', 'snappy', 'zstd'] satisfies ReferenceCodec[];

/** A kdump file of this memory; the real libraries compress its pages if they are installed. */
export function wishOf(contents: Contents, packing: Packing, more: Partial<KdumpWish> = {}): KdumpWish {
  const { pages, info } = contents;
  const notes = [{ name: 'VMCOREINFO', type: 0, desc: info }];
  const wish = { version: 6, packing, pages, frames: framesOf(contents), notes, ...more };
  if (!hasReference() || !REAL.includes(packing)) return wish;
  const list = [...pages.values()];
  const packed = new Map(reference('pack', packing as ReferenceCodec, list).map((bytes, i) => [list[i], bytes]));
  return { ...wish, pack: (page) => packed.get(page as Buffer) as Buffer };
}
