// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ElfObject } from '../elf/sections.js';
import { LIKELY_UNITS } from '../kernel/structs.js';
import { LayeredTypes } from '../types/layered.js';
import type { ProfileIdentity } from '../types/profile.js';
import type { TypeSource } from '../types/source.js';
import { bannerOf, checkModuleRelease } from './checks.js';
import { openDwarf, openObject } from './dwarf-file.js';

/** The types in a vmlinux and the kvm.ko of the same build, and which build that is. No dump is needed. */
export async function describeFiles(
  vmlinux: string,
  kvmModule: string | null,
  log: Log,
): Promise<{ types: TypeSource; identity: ProfileIdentity }> {
  const object = await openObject(vmlinux);
  const kernel = await openDwarf(object, LIKELY_UNITS);
  const banner = bannerOf(object);
  const [, release, version] = /^Linux version (\S+) .*?(#.*)$/.exec(banner ?? '') ?? [];
  if (release === undefined)
    throw new DumpError(`${vmlinux}: no linux_banner in it, so that nobody can tell which kernel it is`);
  const module = kvmModule === null ? null : await openDwarf(await openModule(kvmModule, release), LIKELY_UNITS);
  kernel.save(log);
  module?.save(log);
  return {
    types: new LayeredTypes(module === null ? [kernel.types] : [module.types, kernel.types]),
    identity: {
      release,
      version: version ?? null,
      buildId: object.buildId,
      kvmBuildId: module?.object.buildId ?? null,
      source: `DWARF of ${[vmlinux, ...(kvmModule === null ? [] : [kvmModule])].map((path) => basename(path)).join(' and of ')}`,
    },
  };
}

async function openModule(path: string, release: string): Promise<ElfObject> {
  const object = await openObject(path);
  checkModuleRelease(object, release, 'vmlinux');
  return object;
}
