// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ElfObject } from '../elf/sections.js';
import type { KernelNeeds, NeededModule } from '../kernel/needs.js';
import { LayeredTypes } from '../types/layered.js';
import type { DescribedKernel, ProfileIdentity } from '../types/profile.js';
import { bannerOf, checkModuleRelease } from './checks.js';
import { Lookup } from './lookup.js';

/** Paths of a vmlinux and, if needed, a module of the same build. */
export interface KernelFiles {
  readonly vmlinux: string;
  readonly module: { readonly path: string; readonly is: NeededModule } | null;
}

/** Opens the types of a vmlinux and a module of the same build, without a dump. Throws `DumpError`. */
export async function describeObjects(files: KernelFiles, needs: KernelNeeds, log: Log): Promise<DescribedKernel> {
  const lookup = new Lookup([], log);
  try {
    return await describe(lookup, files, needs.units);
  } catch (error) {
    lookup.close();
    throw error;
  }
}

async function describe(
  lookup: Lookup,
  { vmlinux, module: wanted }: KernelFiles,
  units: readonly string[],
): Promise<DescribedKernel> {
  const object = await lookup.object(vmlinux);
  const { release, version } = releaseOf(object);
  const module = wanted === null ? null : await lookup.object(wanted.path, wanted.is);
  if (module !== null) checkModuleRelease(module, release, 'vmlinux');
  const kernel = await lookup.types(object, 'task_struct', units);
  const files = module === null ? [vmlinux] : [vmlinux, module.file.name];
  const identity: ProfileIdentity = {
    release,
    version,
    buildId: object.buildId,
    kvmBuildId: module?.buildId ?? null,
    source: `DWARF of ${files.map((path) => basename(path)).join(' and of ')}`,
  };
  return {
    types:
      module === null || wanted === null
        ? kernel
        : new LayeredTypes([await lookup.types(module, wanted.is.marker, units), kernel]),
    identity,
    close: () => {
      lookup.close();
    },
  };
}

function releaseOf(object: ElfObject): { release: string; version: string | null } {
  const [, release, version = null] = /^Linux version (\S+) .*?(#.*)$/.exec(bannerOf(object) ?? '') ?? [];
  if (release !== undefined) return { release, version };
  throw new DumpError(`${object.file.name}: it has no linux_banner, so its kernel release is unknown`, {
    code: 'wrong-file',
  });
}
