// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import type { ElfObject } from '../elf/sections.js';
import type { KernelIdentity } from '../kernel/host.js';
import { isShuffled, shuffled } from '../opening/randstruct.js';
import { isBannerOf, otherBuild } from '../opening/same-build.js';
import { ElfSymbols } from '../symbols/elf-symbols.js';
import type { Profile } from '../types/profile.js';

const LONGEST_BANNER = 1024;

/**
 * Throws `DumpError` unless a vmlinux is from the same build as the dump's kernel. The build-id decides. If that of the
 * kernel is unknown, or is from VMCOREINFO only and differs, linux_banner decides.
 */
export function checkVmlinux(object: ElfObject, kernel: KernelIdentity): void {
  const { name } = object.file;
  const { buildId } = object;
  if (buildId !== null && buildId === kernel.buildId) return;
  const differs = `build-id ${buildId ?? 'none'}, but the dump's kernel ${kernel.release} has ${kernel.buildId ?? 'none'}`;
  if (buildId !== null && kernel.buildIdProven) throw otherBuild(name, differs);
  const banner = bannerOf(object);
  if (banner === null) throw otherBuild(name, `${differs}, and no linux_banner to compare`);
  if (!isBannerOf(banner, kernel)) throw otherBuild(name, `${differs}; its banner is "${banner}"`);
}

/**
 * Throws `DumpError` unless a module was built for a release; `whose` names in the error what has that release. A
 * module without a release must have a build-id, which is checked later.
 */
export function checkModuleRelease(object: ElfObject, wanted: string, whose: string): void {
  const { name } = object.file;
  const magic = versionMagic(object);
  const release = magic === null ? null : (/^\S+/.exec(magic)?.[0] ?? '');
  if (release !== null && release !== wanted)
    throw otherBuild(name, `built for kernel ${release}, but the ${whose} is of ${wanted}`);
  if (release === null && object.buildId === null)
    throw new DumpError(`${name} has neither a build-id nor the release it was built for`, {
      code: 'wrong-file',
      hint: "its build can't be checked, and offsets of another build give wrong addresses; an unmodified module has both",
    });
  if (magic !== null && isShuffled(magic) && !textOf(object, '.comment').includes('clang')) throw shuffled(name);
}

/** Version magic of a module (MODULE_INFO "vermagic="): the release, then options; null if it has none. */
const versionMagic = (object: ElfObject): string | null =>
  /(?:^|\0)vermagic=([^\0]+)/.exec(textOf(object, '.modinfo'))?.[1] ?? null;

function textOf(object: ElfObject, name: string): string {
  const section = object.section(name);
  if (section === null || !object.hasContents(section)) return '';
  return Buffer.from(object.bytes(section).array()).toString('latin1');
}

/** Throws `DumpError` unless a profile is for the same build as the dump's kernel. */
export function checkProfile(profile: Profile, name: string, kernel: KernelIdentity): void {
  if (!isOf(profile, kernel))
    throw otherBuild(
      name,
      `for kernel ${profile.release} ${profile.version ?? ''}, build-id ${profile.buildId ?? 'none'}; the dump is of ${kernel.release} ${kernel.version}, build-id ${kernel.buildId ?? 'none'}`,
    );
}

/** Whether a profile is for a kernel: by build-id; if one of them has none that is reliable, by release and version. */
export function isOf(profile: Profile, kernel: KernelIdentity): boolean {
  if (profile.buildId !== null && kernel.buildId !== null) {
    if (profile.buildId === kernel.buildId) return true;
    if (kernel.buildIdProven) return false;
  }
  return profile.release === kernel.release && kernel.version !== '' && profile.version === kernel.version;
}

/** linux_banner ("Linux version …") of a vmlinux; null if it is not in the file. */
export function bannerOf(object: ElfObject): string | null {
  return orNull(() => {
    const address = new ElfSymbols(object, 0n).find('linux_banner');
    const section = object.sections.find(
      (found) =>
        address !== null &&
        found.address !== 0n &&
        address >= found.address &&
        address < found.address + BigInt(found.size),
    );
    if (address === null || section === undefined || !object.hasContents(section)) return null;
    const offset = Number(address - section.address);
    return object
      .bytes(section, offset, Math.min(LONGEST_BANNER, section.size - offset))
      .text()
      .trim();
  });
}
