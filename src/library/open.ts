// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { silentLog } from '../core/log.js';
import type { DumpOptions } from '../open.js';
import {
  type FileOptions,
  type ImageOptions,
  loadKernelCodecs,
  openImage as openFiles,
  openDump as openHost,
} from '../open.js';
import { shown } from './addresses.js';
import { Dump } from './dump.js';
import { Image } from './image.js';
import { checkOptions, flag, type Known, objectWith, oneOf, textOrNull, texts } from './options.js';

type Beside = Required<NonNullable<DumpOptions['beside']>>;

const FILE: Known<FileOptions> = {
  log: objectWith(...Object.keys(silentLog)),
  inputFormat: oneOf<Required<FileOptions>['inputFormat']>({ auto: true, raw: true, lime: true }),
};
const IMAGE: Known<ImageOptions> = { ...FILE, guests: texts, beside: null };
const DUMP: Known<DumpOptions> = {
  ...IMAGE,
  needs: oneOf<Required<DumpOptions>['needs']>({ host: true, kvm: true, vcpus: true, owners: true, log: true }),
};
const BESIDE: Known<Beside> = {
  typesFrom: oneOf<Beside['typesFrom']>({ auto: true, btf: true, dwarf: true, layout: true }),
  vmlinux: textOrNull,
  kvmModule: textOrNull,
  kvmAmdModule: textOrNull,
  systemMap: textOrNull,
  layout: textOrNull,
  vmcoreinfo: textOrNull,
  debugDirs: texts,
  debuginfod: flag,
};

/**
 * Opens the dump of a host: one file, or all parts of a split dump. Throws `DumpError` if the files are not a dump that can
 * be read, or if the kernel's symbols or types are not found; the error names remedies. Throws `UsageError` for what is not
 * the path of a file, and for options that do not exist or can't have their value.
 */
export async function openDump(paths: string | readonly string[], options: DumpOptions = {}): Promise<Dump> {
  checkOptions(options, DUMP);
  if (options.beside !== undefined) checkOptions(options.beside, BESIDE, 'beside');
  // Pages of a guest can be in compressed swap.
  await loadKernelCodecs();
  return Dump.of(await openHost(pathsOf(paths), options));
}

/**
 * Opens any dump for its physical memory; the kernel in it is not looked for. Throws `DumpError` if the files are not a
 * dump that can be read, `UsageError` for what is not the path of a file, and for options as `openDump`.
 */
export async function openImage(paths: string | readonly string[], options: ImageOptions = {}): Promise<Image> {
  checkOptions(options, IMAGE);
  if (options.beside !== undefined) checkOptions(options.beside, BESIDE, 'beside');
  return Image.of(await openFiles(pathsOf(paths), options));
}

function pathsOf(paths: string | readonly string[]): readonly string[] {
  const all: readonly unknown[] = Array.isArray(paths) ? paths : [paths];
  for (const path of all)
    if (typeof path !== 'string') throw new UsageError(`${shown(path)} is not the path of a file`);
  if (all.length === 0) throw new UsageError('no file of a dump was given');
  return all as readonly string[];
}
