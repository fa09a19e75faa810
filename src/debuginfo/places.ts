// SPDX-License-Identifier: Apache-2.0
// Where distributions install vmlinux, System.map, modules and their debug information.
import { basename, join } from 'node:path';
import type { NeededModule } from '../kernel/needs.js';

/** A file to search for. */
export type Wanted = 'vmlinux' | 'System.map' | NeededModule;

/** Name of such a file, for messages. */
export const fileName = (wanted: Wanted): string => (typeof wanted === 'string' ? wanted : basename(wanted.path));

/** Endings of a module's name: as built; separate debug information in Fedora, RHEL and SUSE; compressed. */
const ENDINGS = ['', '.debug', '.xz', '.zst', '.gz'] as const;

/** Paths below the root of a system, or of unpacked packages. `R` is the release. */
const BELOW_ROOT: Readonly<Record<Exclude<Wanted, NeededModule>, readonly string[]>> = {
  vmlinux: [
    // Debian, Ubuntu; SUSE
    'usr/lib/debug/boot/vmlinux-R',
    'usr/lib/debug/boot/vmlinux-R.debug',
    // Fedora, RHEL, newer Debian; newer SUSE
    'usr/lib/debug/lib/modules/R/vmlinux',
    'usr/lib/debug/usr/lib/modules/R/vmlinux',
    'usr/lib/debug/usr/lib/modules/R/vmlinux.debug',
    // Arch, and kernels built locally
    'usr/lib/modules/R/build/vmlinux',
    'lib/modules/R/build/vmlinux',
    'usr/lib/modules/R/vmlinux',
    'lib/modules/R/vmlinux',
    'boot/vmlinux-R',
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

/** Paths in a folder that the user named. */
const IN_FOLDER: typeof BELOW_ROOT = {
  vmlinux: ['vmlinux', 'vmlinux-R', 'vmlinux.debug', 'vmlinux-R.debug', 'boot/vmlinux-R', 'lib/modules/R/vmlinux'],
  'System.map': ['System.map', 'System.map-R', 'System.map.xz', 'boot/System.map-R'],
};

/** Folders of modules below a root. */
const MODULE_FOLDERS: readonly string[] = [
  'usr/lib/debug/lib/modules/R',
  'usr/lib/debug/usr/lib/modules/R',
  'usr/lib/modules/R',
  'lib/modules/R',
];

const allEndings = (path: string): string[] => ENDINGS.map((ending) => `${path}${ending}`);

const belowRoot = (wanted: Wanted): readonly string[] =>
  typeof wanted === 'string'
    ? BELOW_ROOT[wanted]
    : MODULE_FOLDERS.flatMap((folder) => allEndings(`${folder}/${wanted.path}`));

const inFolder = (wanted: Wanted): readonly string[] =>
  typeof wanted === 'string'
    ? IN_FOLDER[wanted]
    : [fileName(wanted), `lib/modules/R/${wanted.path}`, wanted.path].flatMap(allEndings);

/** Paths to try, most likely first. `folders` are those that the user named. */
export function placesOf(
  wanted: Wanted,
  release: string,
  buildId: string | null,
  folders: readonly string[],
): readonly string[] {
  const named = folders.flatMap((folder) => [
    ...byBuildId(folder, buildId),
    ...[...inFolder(wanted), ...belowRoot(wanted)].map((path) => join(folder, fillRelease(path, release))),
  ]);
  return [
    ...named,
    ...byBuildId('/usr/lib/debug', buildId),
    ...belowRoot(wanted).map((path) => join('/', fillRelease(path, release))),
  ];
}

/** Replaces `R` where it is a word of its own in a path. */
const fillRelease = (path: string, release: string): string =>
  path.replace(/(^|[/-])R(?=$|[/.])/g, (_, before: string) => `${before}${release}`);

/** .build-id/xx/rest.debug, the layout of GDB, which all distributions follow. */
const byBuildId = (folder: string, buildId: string | null): string[] =>
  buildId === null ? [] : [join(folder, '.build-id', buildId.slice(0, 2), `${buildId.slice(2)}.debug`)];
