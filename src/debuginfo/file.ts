// SPDX-License-Identifier: Apache-2.0
import { wholeForm } from '../codecs/whole.js';
import { BytesSource } from '../core/bytes-source.js';
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import { plainText } from '../core/plain-text.js';
import { FileSource } from '../io/file-source.js';

/** Block size in bytes. Reads of debug information are small and scattered. */
const BLOCK = 4096;

/** Opens a file, and decompresses it if it is a gzip, xz or zstd file. Throws `DumpError` if it can't be read. */
export async function openPacked(path: string): Promise<ByteSource> {
  const file = FileSource.open(path, 'a file with debug information or symbols is needed', BLOCK);
  const form = wholeForm(file.read(0, Math.min(file.size, 16), 'start of the file').array());
  if (form === null) return file;
  try {
    return new BytesSource(path, await form.decode(file.read(0, file.size, `${form.name} file`).array()));
  } catch (error) {
    if (error instanceof DumpError) throw error.within(path);
    throw new DumpError(`${path}: ${form.name} decompression failed: ${(error as Error).message}`, {
      code: 'damaged',
      cause: error,
      hint: `unpack it with ${form.unpack} and give the result`,
    });
  } finally {
    file.close();
  }
}

/** Reads a whole text file; `wanted` says in errors what it should be. Throws `DumpError` if it can't be read. */
export function textOf(path: string, wanted: string): string {
  const file = FileSource.open(path, `${wanted} is needed`);
  try {
    const text = plainText(Buffer.from(file.read(0, file.size, wanted).array()).toString('latin1'), path);
    return Buffer.from(text, 'latin1').toString('utf8');
  } finally {
    file.close();
  }
}
