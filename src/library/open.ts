// SPDX-License-Identifier: Apache-2.0

import type { DumpOptions } from '../open.js';
import { type FileOptions, openImage as openFiles, openDump as openHost } from '../open.js';
import { Dump } from './dump.js';
import { Image } from './image.js';

/**
 * Opens the dump of a host: its file, or all parts of one that was split. Throws `DumpError` when they are not a dump that
 * can be read, or its kernel can't be found or is not described, saying what would help.
 */
export async function openDump(paths: string | readonly string[], options: DumpOptions = {}): Promise<Dump> {
  return Dump.of(await openHost(paths, options));
}

/**
 * Opens any dump for its physical memory; no kernel is looked for. Throws `DumpError` when the files are not a dump that
 * can be read.
 */
export async function openImage(paths: string | readonly string[], options: FileOptions = {}): Promise<Image> {
  return Image.of(await openFiles(paths, options));
}
