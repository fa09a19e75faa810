// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import type { DumpImage } from '../dump/image.js';
import type { Host } from '../kernel/host.js';
import type { KernelNeeds } from '../kernel/needs.js';
import type { DumpBuilds } from './builds.js';
import { Opening } from './opening.js';
import type { Outside } from './outside.js';

/**
 * Opens the kernel of a dump from the dump alone: notes, page tables, kallsyms, BTF, in this order. Throws `DumpError`
 * if what is needed is not in the dump.
 */
export function openHost(image: DumpImage, frames: FrameSource, log: Log, needs: KernelNeeds): Host {
  const opening = new Opening(image, frames, { log, needs });
  opening.scanForSymbols();
  opening.readOwnTypes();
  return opening.host([], []);
}

/**
 * Opens the kernel of a dump with the help of other files (`outside`). Files that the user named come before what is in
 * the dump; other files are searched for only if the dump is not enough. `frames` is the memory of the image, or a
 * wrapper of it. Throws `DumpError` if something needed is missing, or a file is from another build.
 */
export async function openHostWith(
  image: DumpImage,
  frames: FrameSource,
  {
    log,
    needs,
    outside,
    builds = null,
  }: {
    readonly log: Log;
    readonly needs: KernelNeeds;
    readonly outside: Outside;
    readonly builds?: DumpBuilds | null;
  },
): Promise<Host> {
  const opening = new Opening(image, frames, { log, needs, outside, builds });
  const proven = opening.hasSymbols([]) ? null : await outside.provenSymbols(opening.symbolsWanted);
  opening.addSymbols(proven === null ? [] : [proven]);
  opening.scanForSymbols();
  opening.addSymbols(await outside.moreSymbols(opening.symbolsWanted, (tables) => opening.hasSymbols(tables)));
  const given = await outside.givenTypes({ kernel: opening.identity, needs });
  if (outside.typesFrom === 'auto' || outside.typesFrom === 'btf') opening.readOwnTypes();
  const found = await outside.foundTypes(opening.typesWanted(given));
  await opening.seekModules(given, found);
  return opening.host(given, found);
}
