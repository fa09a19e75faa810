// SPDX-License-Identifier: Apache-2.0
// Layout profiles as sources of types: the one that the user named, and those that are shipped.
import type { KernelNeeds } from '../kernel/needs.js';
import { shippedProfile } from '../layouts/shipped.js';
import type { ModuleOrigin } from '../opening/module-build.js';
import type { TypesNeeded } from '../opening/outside.js';
import { type Profile, ProfileTypes, parseProfile } from '../types/profile.js';
import { checkProfile, isOf } from './checks.js';
import { textOf } from './file.js';

/** A profile and the modules that it describes, whose builds must be checked. */
export interface ProfileOrigin {
  readonly types: ProfileTypes;
  readonly modules: readonly ModuleOrigin[];
}

/**
 * The modules that profiles describe. `own`: the structure that only this module's types describe; without a check of the
 * module's build it is not used.
 */
const MODULES: readonly { name: string; own: string | null; buildId: (profile: Profile) => string | null }[] = [
  { name: 'kvm', own: null, buildId: ({ kvmBuildId }) => kvmBuildId },
  { name: 'kvm_amd', own: 'vcpu_svm', buildId: ({ kvmAmdBuildId = null }) => kvmAmdBuildId },
];

/** The profile in a file. Throws `DumpError` if it is not a profile, or not of this kernel. */
export function profileIn(path: string, { kernel, needs }: TypesNeeded): ProfileOrigin {
  const profile = parseProfile(textOf(path, 'a layout profile'), path);
  checkProfile(profile, path, kernel);
  return originOf(profile, `layout profile ${path}`, needs);
}

/** The shipped profile of this kernel; null if there is none. */
export async function shippedFor({ kernel, needs }: TypesNeeded): Promise<ProfileOrigin | null> {
  const profile = await shippedProfile(kernel.release);
  if (profile === null || !isOf(profile, kernel)) return null;
  return originOf(profile, `shipped layout profile of ${kernel.release}`, needs);
}

function originOf(profile: Profile, name: string, { modules: needed, sought }: KernelNeeds): ProfileOrigin {
  const modules: ModuleOrigin[] = [];
  const hidden: string[] = [];
  for (const { name: module, own, buildId } of MODULES) {
    const found = [...needed, ...sought].find((each) => each.name === module);
    const isDescribed = own === null || (profile.structs[own] ?? null) !== null;
    if (found !== undefined && isDescribed) modules.push({ name, module: found, buildId: buildId(profile) });
    if (found === undefined && own !== null) hidden.push(own);
  }
  const structs = Object.fromEntries(Object.entries(profile.structs).filter(([struct]) => !hidden.includes(struct)));
  return { types: new ProfileTypes(name, { ...profile, structs }), modules };
}
