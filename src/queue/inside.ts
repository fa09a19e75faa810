// SPDX-License-Identifier: Apache-2.0
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';

/**
 * Whether a path leads into one of the folders, which must be real paths, with all links followed. What does not exist is where it
 * would be; a link that leads nowhere, and what can't be examined, is nowhere.
 */
export async function isInside(path: string, folders: readonly string[]): Promise<boolean> {
  const place = await placeOf(path);
  return place !== null && folders.some((folder) => place === folder || place.startsWith(ending(folder)));
}

const ending = (folder: string): string => (folder.endsWith(sep) ? folder : `${folder}${sep}`);

async function placeOf(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === dirname(path) || (await isThere(path)))
      return null;
    const folder = await placeOf(dirname(path));
    return folder === null ? null : join(folder, basename(path));
  }
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
