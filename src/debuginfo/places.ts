// SPDX-License-Identifier: Apache-2.0
// Where distributions put what belongs to a kernel and lies beside a dump.
import { basename, join } from 'node:path';
import type { NeededModule } from '../kernel/needs.js';

/** Which file is looked for. */
export type Wanted = 'vmlinux' | 'System.map' | NeededModule;

/** What such a file is called. */
export const fileName = (wanted: Wanted): string => (typeof wanted === 'string' ? wanted : basename(wanted.path));

/** As it is, as Fedora, RHEL and SUSE name the debug information that was cut off, and compressed. */
const ENDINGS = ['', '.debug', '.xz', '.zst', '.gz'] as const;

/** Below the root of a system, or of packages that were unpacked somewhere. `R` is the release. */
const BELOW_ROOT: Readonly<Record<Exclude<Wanted, NeededModule>, readonly string[]>> = {
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

/** Where to look, the likeliest first. `folders` are those that the user named. */
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

/** `R` stands alone between the marks of a path. */
const fillRelease = (path: string, release: string): string =>
  path.replace(/(^|[/-])R(?=$|[/.])/g, (_, before: string) => `${before}${release}`);

/** .build-id/xx/rest.debug (GDB's layout, which all distributions keep). */
const byBuildId = (folder: string, buildId: string | null): string[] =>
  buildId === null ? [] : [join(folder, '.build-id', buildId.slice(0, 2), `${buildId.slice(2)}.debug`)];
