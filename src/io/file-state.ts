// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';

/**
 * A text that is different for another file, and for the same one after it has been written to, or replaced. A change of its name or
 * permissions makes it different, too. Throws the system's error.
 */
export function fileState(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}
