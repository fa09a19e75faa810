// SPDX-License-Identifier: Apache-2.0
// The fixtures, in all forms that are mutated.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openImage } from '#internal';
import { present } from '../scripts/present.mjs';
import { elf } from './forms/elf.mjs';
import { flattened } from './forms/flattened.mjs';
import { framesOf, kdumpRegions, PAGE, rawKdump } from './forms/kdump.mjs';

/** @import { Form } from './forms/form.mjs' */

/**
 * A fixture: the frames that it has, ascending, and its dump in every form; `pageOf` gives the bytes of a frame.
 *
 * @param {string} folder
 */
export async function basesOf(folder) {
  const path = join(folder, 'vmcore.kdump');
  const file = readFileSync(path);
  const regions = kdumpRegions(file);
  const frames = framesOf(file);
  const { image, memory, close } = await openImage(path);
  const pages = frames.map((frame) => {
    const [stretch] = memory.read(frame * PAGE, PAGE);
    return Buffer.from(present(stretch?.bytes, `frame ${frame} of ${path}`));
  });
  const vmcoreinfo = Buffer.from(present(image.reader.vmcoreinfo, `VMCOREINFO in ${path}`).array());
  close();
  /** @type {Map<string, Form>} */
  const forms = new Map([
    ['kdump', { file, regions, plain: false }],
    ['raw kdump', rawKdump(file, pages)],
    ['flattened kdump', flattened(file, regions)],
    ['ELF', elf(frames, pages, vmcoreinfo)],
  ]);
  const indices = new Map(frames.map((frame, i) => [frame, i]));
  /** The bytes of a frame; null if the dump does not have it. @type {(frame: number) => Buffer | null} */
  const pageOf = (frame) => pages[indices.get(frame) ?? -1] ?? null;
  return { frames, forms, pageOf };
}
