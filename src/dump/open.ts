// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import { formats } from './formats/index.js';
import { DumpImage } from './image.js';

/** Opens a dump of any known form. Throws `DumpError` for a file that is none, or is broken. */
export async function openImage(file: ByteSource, onRead?: () => void): Promise<DumpImage> {
  if (file.size === 0) throw new DumpError(`${file.name}: an empty file`);
  const start = file.read(0, Math.min(file.size, 4096), 'start of the file');
  const format = formats.find((known) => known.probe(start));
  if (format === undefined)
    throw new DumpError(`${file.name}: not a dump of a known form`, {
      place: { source: file.name, offset: 0 },
      hint: 'ELF vmcores and kdump-compressed files are read',
    });
  return new DumpImage(file, await format.open(file), onRead);
}
