// SPDX-License-Identifier: Apache-2.0

/** The folder that all dumps are below, with its slash; empty if there is none, or only the root. */
export function commonFolder(paths: readonly string[]): string {
  const [first = ''] = paths;
  let length = first.lastIndexOf('/') + 1;
  for (const path of paths)
    while (!path.startsWith(first.slice(0, length))) length = length === 1 ? 0 : first.lastIndexOf('/', length - 2) + 1;
  return length <= 1 ? '' : first.slice(0, length);
}
