// SPDX-License-Identifier: Apache-2.0
// Where distributions put what belongs to a kernel and lies beside a dump.
import { join } from 'node:path';

/** Which file is looked for. */
export type Wanted = 'vmlinux' | 'kvm.ko' | 'System.map';

const MODULE = 'kernel/arch/x86/kvm/kvm.ko';
/** As it is, as Fedora, RHEL and SUSE name the debug information that was cut off, and compressed. */
const ENDINGS = ['', '.debug', '.xz', '.zst', '.gz'] as const;

/** Below the root of a system, or of packages that were unpacked somewhere. `R` is the release. */
const BELOW_ROOT: Readonly<Record<Wanted, readonly string[]>> = {
  vmlinux: [
    // Debian, Ubuntu; SUSE
    'usr/lib/debug/boot/vmlinux-R',
    'usr/lib/debug/boot/vmlinux-R.debug',
    // Fedora, RHEL, newer Debian; newer SUSE
    'usr/lib/debug/lib/modules/R/vmlinux',
    'usr/lib/debug/usr/lib/modules/R/vmlinux',
    'usr/lib/debug/usr/lib/modules/R/vmlinux.debug',
    // Arch, and who builds kernels
    'usr/lib/modules/R/build/vmlinux',
    'lib/modules/R/build/vmlinux',
    'usr/lib/modules/R/vmlinux',
    'lib/modules/R/vmlinux',
    'boot/vmlinux-R',
  ],
  'kvm.ko': [
    ...ENDINGS.map((ending) => `usr/lib/debug/lib/modules/R/${MODULE}${ending}`),
    ...ENDINGS.map((ending) => `usr/lib/debug/usr/lib/modules/R/${MODULE}${ending}`),
    ...ENDINGS.map((ending) => `usr/lib/modules/R/${MODULE}${ending}`),
    ...ENDINGS.map((ending) => `lib/modules/R/${MODULE}${ending}`),
  ],
  'System.map': [
    'usr/lib/debug/boot/System.map-R',
    'boot/System.map-R',
    'usr/lib/modules/R/System.map',
    'lib/modules/R/System.map',
    'usr/lib/modules/R/build/System.map',
    'lib/modules/R/build/System.map',
  ],
};

/** Directly in a folder that was named. */
const IN_FOLDER: Readonly<Record<Wanted, readonly string[]>> = {
  vmlinux: ['vmlinux', 'vmlinux-R', 'vmlinux.debug', 'vmlinux-R.debug', 'boot/vmlinux-R', 'lib/modules/R/vmlinux'],
  'kvm.ko': [
    ...ENDINGS.map((ending) => `kvm.ko${ending}`),
    ...ENDINGS.map((ending) => `lib/modules/R/${MODULE}${ending}`),
    ...ENDINGS.map((ending) => `${MODULE}${ending}`),
  ],
  'System.map': ['System.map', 'System.map-R', 'System.map.xz', 'boot/System.map-R'],
};

/** Where to look, the likeliest first. `folders` are those that were named, as `--debug-dir` does. */
export function placesOf(
  wanted: Wanted,
  release: string,
  buildId: string | null,
  folders: readonly string[],
): readonly string[] {
  const named = folders.flatMap((folder) => [
    ...byBuildId(folder, buildId),
    ...[...IN_FOLDER[wanted], ...BELOW_ROOT[wanted]].map((path) => join(folder, fillRelease(path, release))),
  ]);
  return [
    ...named,
    ...byBuildId('/usr/lib/debug', buildId),
    ...BELOW_ROOT[wanted].map((path) => join('/', fillRelease(path, release))),
  ];
}

/** `R` stands alone between the marks of a path. */
const fillRelease = (path: string, release: string): string =>
  path.replace(/(^|[/-])R(?=$|[/.])/g, (_, before: string) => `${before}${release}`);

/** .build-id/xx/rest.debug (GDB's layout, which all distributions keep). */
const byBuildId = (folder: string, buildId: string | null): string[] =>
  buildId === null ? [] : [join(folder, '.build-id', buildId.slice(0, 2), `${buildId.slice(2)}.debug`)];
