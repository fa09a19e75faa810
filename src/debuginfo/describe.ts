// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ElfObject } from '../elf/sections.js';
import type { KernelNeeds, NeededModule } from '../kernel/needs.js';
import { LayeredTypes } from '../types/layered.js';
import type { DescribedKernel, ProfileIdentity } from '../types/profile.js';
import type { TypeSource } from '../types/source.js';
import { bannerOf, checkModuleRelease } from './checks.js';
import { Lookup } from './lookup.js';

/** The file of a module. */
export interface ModuleFile {
  readonly path: string;
  readonly is: NeededModule;
}

/** Paths of a vmlinux and of modules of the same build. */
export interface KernelFiles {
  readonly vmlinux: string;
  readonly modules: readonly ModuleFile[];
}

/** Opens the types of a vmlinux and of modules of the same build, without a dump. Throws `DumpError`. */
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
  { vmlinux, modules }: KernelFiles,
  units: readonly string[],
): Promise<DescribedKernel> {
  const object = await lookup.object(vmlinux);
  const { release, version } = releaseOf(object);
  const opened: { is: NeededModule; object: ElfObject }[] = [];
  for (const { path, is } of modules) {
    const module = await lookup.object(path, is);
    checkModuleRelease(module, release, 'vmlinux');
    opened.push({ is, object: module });
  }
  const layers: TypeSource[] = [];
  for (const module of opened) layers.push(await lookup.types(module.object, module.is.marker, units));
  layers.push(await lookup.types(object, 'task_struct', units));
  const buildIdOf = (name: string) => opened.find(({ is }) => is.name === name)?.object.buildId ?? null;
  const files = [vmlinux, ...opened.map((module) => module.object.file.name)];
  const identity: ProfileIdentity = {
    release,
    version,
    buildId: object.buildId,
    kvmBuildId: buildIdOf('kvm'),
    kvmAmdBuildId: buildIdOf('kvm_amd'),
    source: `DWARF of ${files.map((path) => basename(path)).join(' and of ')}`,
  };
  const close = (): void => {
    lookup.close();
  };
  return { types: new LayeredTypes(layers), identity, close };
}

function releaseOf(object: ElfObject): { release: string; version: string | null } {
  const [, release, version = null] = /^Linux version (\S+) .*?(#.*)$/.exec(bannerOf(object) ?? '') ?? [];
  if (release !== undefined) return { release, version };
  throw new DumpError(`${object.file.name}: it has no linux_banner, so its kernel release is unknown`, {
    code: 'wrong-file',
  });
}
