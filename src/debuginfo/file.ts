// SPDX-License-Identifier: Apache-2.0
import { wholeForm } from '../codecs/whole.js';
import { BytesSource } from '../core/bytes-source.js';
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import { plainText } from '../core/plain-text.js';
import { FileSource } from '../io/file-source.js';

/** Its units are looked at one by one, far from each other. */
const BLOCK = 4096;

/** Opens a file that lies beside the dump, decompressed if it is gzip, xz or zstd as a whole. */
export async function openPacked(path: string): Promise<ByteSource> {
  const file = FileSource.open(path, 'a file of debug information or symbols is needed', BLOCK);
  const form = wholeForm(file.read(0, Math.min(file.size, 16), 'start of the file').array());
  if (form === null) return file;
  try {
    return new BytesSource(path, await form.decode(file.read(0, file.size, `${form.name} file`).array()));
  } catch (error) {
    if (error instanceof DumpError) throw error.within(path);
    throw new DumpError(`${path}: ${form.name} could not be decoded: ${(error as Error).message}`, {
      code: 'damaged',
      cause: error,
      hint: `unpack it with ${form.unpack} and give what comes out`,
    });
  } finally {
    file.close();
  }
}

/** A text file, whole. Throws `DumpError` where it can't be read; `wanted` says what it should be. */
export function textOf(path: string, wanted: string): string {
  const file = FileSource.open(path, `${wanted} is needed`);
  try {
    const text = plainText(Buffer.from(file.read(0, file.size, wanted).array()).toString('latin1'), path);
    return Buffer.from(text, 'latin1').toString('utf8');
  } finally {
    file.close();
  }
}
