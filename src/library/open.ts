// SPDX-License-Identifier: Apache-2.0

import type { DumpOptions } from '../open.js';
import { type FileOptions, openImage as openFiles, openDump as openHost } from '../open.js';
import { Dump } from './dump.js';
import { Image } from './image.js';

/**
 * Opens the dump of a host: one file, or all parts of a split dump. Throws `DumpError` if the files are not a dump that can
 * be read, or if the kernel's symbols or types are not found; the error names remedies.
 */
export async function openDump(paths: string | readonly string[], options: DumpOptions = {}): Promise<Dump> {
  return Dump.of(await openHost(paths, options));
}

/**
 * Opens any dump for its physical memory; the kernel in it is not looked for. Throws `DumpError` if the files are not a
 * dump that can be read.
 */
export async function openImage(paths: string | readonly string[], options: FileOptions = {}): Promise<Image> {
  return Image.of(await openFiles(paths, options));
}
