// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ElfObject } from '../elf/sections.js';
import { LayeredTypes } from '../types/layered.js';
import type { DescribedKernel, ProfileIdentity } from '../types/profile.js';
import { bannerOf, checkModuleRelease } from './checks.js';
import { Lookup } from './lookup.js';

/** The types in a vmlinux and the kvm.ko of the same build, and which build that is. No dump is needed. */
export async function describeFiles(vmlinux: string, kvmModule: string | null, log: Log): Promise<DescribedKernel> {
  const lookup = new Lookup([], log);
  try {
    return await describe(lookup, vmlinux, kvmModule);
  } catch (error) {
    lookup.close();
    throw error;
  }
}

async function describe(lookup: Lookup, vmlinux: string, kvmModule: string | null): Promise<DescribedKernel> {
  const object = await lookup.object(vmlinux);
  const { release, version } = releaseOf(object);
  const module = kvmModule === null ? null : await lookup.object(kvmModule, 'kvm.ko');
  if (module !== null) checkModuleRelease(module, release, 'vmlinux');
  const kernel = await lookup.types(object, 'task_struct');
  const files = module === null ? [vmlinux] : [vmlinux, module.file.name];
  const identity: ProfileIdentity = {
    release,
    version,
    buildId: object.buildId,
    kvmBuildId: module?.buildId ?? null,
    source: `DWARF of ${files.map((path) => basename(path)).join(' and of ')}`,
  };
  return {
    types: module === null ? kernel : new LayeredTypes([await lookup.types(module, 'kvm'), kernel]),
    identity,
    close: () => {
      lookup.close();
    },
  };
}

function releaseOf(object: ElfObject): { release: string; version: string | null } {
  const [, release, version = null] = /^Linux version (\S+) .*?(#.*)$/.exec(bannerOf(object) ?? '') ?? [];
  if (release !== undefined) return { release, version };
  throw new DumpError(`${object.file.name}: no linux_banner in it, so that nobody can tell which kernel it is`, {
    code: 'wrong-file',
  });
}
